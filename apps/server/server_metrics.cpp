// SPDX-License-Identifier: Apache-2.0
#include "apps/server/server_metrics.h"

#include <cstdio>

namespace fllm::server {

namespace {

std::string metric_number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.9g", value);
  return text.data();
}

void append_head(std::string& text, std::string_view name, std::string_view type, std::string_view help) {
  text.append("# HELP ")
      .append(name)
      .append(" ")
      .append(help)
      .append("\n# TYPE ")
      .append(name)
      .append(" ")
      .append(type);
  text += '\n';
}

std::string label(std::string_view name, std::string_view value) {
  std::string text(name);
  return text.append("=\"").append(value).append("\"");
}

std::string in_braces(const std::string& labels) { return "{" + labels + "}"; }

void append_value(std::string& text, std::string_view name, std::string_view labels, std::int64_t value) {
  text.append(name).append(labels).append(" ").append(std::to_string(value)).append("\n");
}

struct EngineMetric {
  std::string_view name, type, help;
  std::int64_t Metrics::*value;
};

constexpr std::array kEngineMetrics{
    EngineMetric{"fundamentallm_queued_requests", "gauge", "Prompts that wait for a place in the batch.",
                 &Metrics::queued_requests},
    EngineMetric{"fundamentallm_running_rows", "gauge", "Samples in the batch.", &Metrics::running_rows},
    EngineMetric{"fundamentallm_kv_blocks", "gauge", "Blocks of 16 tokens of keys and values.", &Metrics::blocks_total},
    EngineMetric{"fundamentallm_kv_blocks_used", "gauge", "Blocks reserved for running rows.", &Metrics::blocks_used},
    EngineMetric{"fundamentallm_kv_blocks_cached", "gauge", "Free blocks that hold beginnings of earlier prompts.",
                 &Metrics::blocks_cached},
    EngineMetric{"fundamentallm_steps_total", "counter", "Steps of the engine.", &Metrics::steps},
    EngineMetric{"fundamentallm_generated_tokens_total", "counter", "Tokens drawn.", &Metrics::tokens_generated},
    EngineMetric{"fundamentallm_prompt_tokens_total", "counter", "Tokens of prompts the model read.",
                 &Metrics::prompt_tokens},
    EngineMetric{"fundamentallm_prefix_hit_tokens_total", "counter",
                 "Tokens of prompts that were not read, being shared with earlier ones.", &Metrics::prefix_hit_tokens},
    EngineMetric{"fundamentallm_prompts_finished_total", "counter", "Prompts whose samples have all ended.",
                 &Metrics::requests_finished},
};

struct SpeculationMetric {
  std::string_view name, help;
  std::int64_t SpeculationStats::*value;
};

constexpr std::array kSpeculationMetrics{
    SpeculationMetric{"fundamentallm_speculative_steps_total", "Steps of samples that guess ahead.",
                      &SpeculationStats::steps},
    SpeculationMetric{"fundamentallm_drafted_steps_total", "Of these with drafts.", &SpeculationStats::drafted_steps},
    SpeculationMetric{"fundamentallm_drafted_tokens_total", "Tokens guessed.", &SpeculationStats::drafted_tokens},
    SpeculationMetric{"fundamentallm_accepted_tokens_total", "Guesses that became output.",
                      &SpeculationStats::accepted_tokens},
    SpeculationMetric{"fundamentallm_speculative_tokens_total", "Tokens of the output of samples that guess ahead.",
                      &SpeculationStats::tokens},
};

}  // namespace

template <std::size_t N>
void Histogram<N>::append_to(std::string& text, std::string_view name, std::string_view help) const {
  append_head(text, name, "histogram", help);
  const std::string bucket = std::string(name) + "_bucket";
  for (std::size_t i = 0; i < N; ++i) {
    append_value(text, bucket, in_braces(label("le", metric_number(bounds_[i]))), counts_[i]);
  }
  append_value(text, bucket, "{le=\"+Inf\"}", count_);
  text.append(name).append("_sum ").append(metric_number(sum_)).append("\n");
  append_value(text, std::string(name) + "_count", "", count_);
}

void ServerMetrics::count_reply(std::string_view endpoint, int status) {
  const std::lock_guard lock(mutex_);
  ++replies_[{std::string(endpoint), status}];
}

void ServerMetrics::count_abandoned(Abandoned why) {
  const std::lock_guard lock(mutex_);
  ++abandoned_.at(static_cast<std::size_t>(why));
}

void ServerMetrics::observe_request(double seconds) {
  const std::lock_guard lock(mutex_);
  request_.observe(seconds);
}

void ServerMetrics::observe_first_token(double seconds) {
  const std::lock_guard lock(mutex_);
  first_token_.observe(seconds);
}

std::string ServerMetrics::text(const Now& now) const {
  std::string out;
  const auto gauge = [&](std::string_view name, std::string_view help, std::int64_t value) {
    append_head(out, name, "gauge", help);
    append_value(out, name, "", value);
  };
  gauge("fundamentallm_requests_in_flight", "Requests that are being answered.", now.requests);
  gauge("fundamentallm_samples_in_flight", "Samples of these requests, in the batch or waiting.", now.samples);
  gauge("fundamentallm_samples_limit", "Samples that may be in flight; more are answered with 429.", now.sample_limit);
  for (const EngineMetric& metric : kEngineMetrics) {
    append_head(out, metric.name, metric.type, metric.help);
    append_value(out, metric.name, "", now.engine.*metric.value);
  }
  for (const SpeculationMetric& metric : kSpeculationMetrics) {
    append_head(out, metric.name, "counter", metric.help);
    append_value(out, metric.name, "", now.engine.speculation.*metric.value);
  }
  const std::lock_guard lock(mutex_);
  append_head(out, "fundamentallm_http_requests_total", "counter", "Requests by endpoint and status.");
  for (const auto& [key, count] : replies_) {
    append_value(
        out, "fundamentallm_http_requests_total",
        in_braces(label("endpoint", key.first).append(",").append(label("status", std::to_string(key.second)))), count);
  }
  append_head(out, "fundamentallm_requests_abandoned_total", "counter", "Requests that ended before their text did.");
  constexpr std::array<std::string_view, 3> kReasons{"disconnected", "timeout", "slow_client"};
  for (std::size_t i = 0; i < kReasons.size(); ++i) {
    append_value(out, "fundamentallm_requests_abandoned_total", in_braces(label("reason", kReasons[i])), abandoned_[i]);
  }
  first_token_.append_to(out, "fundamentallm_time_to_first_token_seconds",
                         "From a prompt's submission to its first token.");
  request_.append_to(out, "fundamentallm_request_seconds", "From a request's body to the end of its text.");
  return out;
}

}  // namespace fllm::server
