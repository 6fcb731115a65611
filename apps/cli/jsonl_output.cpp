// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/cli/errors.h"
#include "apps/cli/result_writer.h"
#include "apps/cli/speculation_report.h"
#include "apps/json/chat_messages.h"

namespace fllm::cli {

namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson logprob_json(const Generator& generator, const TokenLogprob& logprob) {
  // A token outside the kept set has processed = -inf, which JSON cannot say: null.
  const auto number = [](float x) { return std::isfinite(x) ? OrderedJson(x) : OrderedJson(nullptr); };
  return OrderedJson{{"id", logprob.id},
                     {"token", generator.token_text(logprob.id)},
                     {"logprob", number(logprob.raw)},
                     {"processed", number(logprob.processed)}};
}

OrderedJson error_json(const Error& error) {
  return OrderedJson{{"code", std::string(error_name(error.code))}, {"message", error.message}};
}

OrderedJson sample_json(const Generator& generator, const Sample& sample, std::size_t index, bool with_logprobs) {
  OrderedJson json{{"index", index},
                   {"text", sample.text},
                   {"tokens", sample.tokens},
                   {"finish_reason", std::string(to_string(sample.finish_reason))},
                   {"mean_logprob", sample.mean_logprob}};
  if (sample.beam) {
    json["score"] = sample.beam->sum;
    json["normalised_score"] = sample.beam->score;
    OrderedJson logprobs = OrderedJson::array();
    for (std::size_t i = 0; i < sample.beam->logprobs.size(); ++i) {
      logprobs.push_back({{"id", sample.tokens[i]},
                          {"token", generator.token_text(sample.tokens[i])},
                          {"logprob", sample.beam->logprobs[i]}});
    }
    json["logprobs"] = std::move(logprobs);
  } else if (with_logprobs) {
    OrderedJson details = OrderedJson::array();
    for (const TokenDetail& detail : sample.details) {
      OrderedJson entry = logprob_json(generator, detail.drawn);
      entry["rank"] = detail.rank;
      OrderedJson top = OrderedJson::array();
      for (const TokenLogprob& logprob : detail.top) top.push_back(logprob_json(generator, logprob));
      entry["top"] = std::move(top);
      details.push_back(std::move(entry));
    }
    json["logprobs"] = std::move(details);
  }
  if (sample.error) json["error"] = error_json(*sample.error);
  return json;
}

void add_prompt(OrderedJson& record, const Job& job) {
  if (job.messages.empty()) {
    record["prompt"] = job.prompt;
  } else {
    record["messages"] = apps::messages_json(job.messages);
  }
}

}  // namespace

void JsonlWriter::write_line(const OrderedJson& record) {
  sink_.write(record.dump(-1, ' ', false, OrderedJson::error_handler_t::replace));
  sink_.write("\n");
}

void JsonlWriter::write(const Job& job, const Completion& completion) {
  OrderedJson record{{"id", job.id}};
  add_prompt(record, job);
  OrderedJson samples = OrderedJson::array();
  const Sample* failed = nullptr;
  for (const std::size_t index : shown_samples(job.settings, completion)) {
    const Sample& sample = completion.samples[index];
    samples.push_back(sample_json(generator_, sample, index, job.settings.logprobs.value_or(-1) >= 0));
    if (sample.error && failed == nullptr) failed = &sample;
  }
  if (failed != nullptr) record["error"] = error_json(*failed->error);
  record["samples"] = std::move(samples);
  record["seed"] = completion.seed;
  record["usage"] = {{"prompt_tokens", completion.usage.prompt_tokens},
                     {"completion_tokens", completion.usage.completion_tokens},
                     {"cached_tokens", completion.usage.cached_tokens}};
  record["timing"] = {{"queue_seconds", completion.timing.queue_seconds},
                      {"prefill_seconds", completion.timing.prefill_seconds},
                      {"decode_seconds", completion.timing.decode_seconds}};
  if (completion.speculation) record["speculation"] = speculation_json(*completion.speculation);
  write_line(record);
}

void JsonlWriter::write_error(const Job& job, const Error& error) {
  OrderedJson record{{"id", job.id}};
  if (job.line > 0) record["line"] = job.line;
  if (!job.error) add_prompt(record, job);
  record["error"] = error_json(error);
  write_line(record);
}

}  // namespace fllm::cli
