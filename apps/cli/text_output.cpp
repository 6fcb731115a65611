// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "apps/cli/errors.h"
#include "apps/cli/result_writer.h"

namespace fllm::cli {

std::vector<std::size_t> shown_samples(const Settings& settings, const Completion& completion) {
  const std::vector<Sample>& samples = completion.samples;
  std::vector<std::size_t> shown;
  if (!settings.pick_best) {
    for (std::size_t i = 0; i < samples.size(); ++i) shown.push_back(i);
    return shown;
  }
  const bool by_mean = *settings.pick_best == "mean-logprob";
  const auto is_good = [](const Sample& s) { return !s.error && !s.tokens.empty(); };
  const auto better = [&](const Sample& a, const Sample& b) {
    if (is_good(a) != is_good(b)) return is_good(a);
    return by_mean ? a.mean_logprob > b.mean_logprob : a.sum_logprob > b.sum_logprob;
  };
  std::size_t best = 0;
  for (std::size_t i = 1; i < samples.size(); ++i) {
    if (better(samples[i], samples[best])) best = i;
  }
  if (!samples.empty()) shown.push_back(best);
  return shown;
}

void TextWriter::begin_stream(const Job& job) {
  streaming_ = true;
  if (job.settings.echoes()) stream(job.prompt);
  streamed_bytes_ = 0;
}

void TextWriter::stream(std::string_view text) {
  if (text.empty()) return;
  something_written_ = true;
  streamed_bytes_ += text.size();
  sink_.write(text);
  sink_.flush();
}

void TextWriter::write(const Job& job, const Completion& completion) {
  for (const std::size_t index : shown_samples(job.settings, completion)) {
    const Sample& sample = completion.samples[index];
    if (streaming_) {
      // A cancelled sample keeps text that was held back for a stop string.
      stream(std::string_view(sample.text).substr(std::min(streamed_bytes_, sample.text.size())));
      if (something_written_) sink_.write("\n");
      sink_.flush();
    } else if (sample.finish_reason == FinishReason::kCancelled && sample.tokens.empty()) {
      continue;  // it had not begun
    } else if (!sample.error) {
      if (something_written_) sink_.write("\n");
      if (job.settings.echoes()) sink_.write(job.prompt);
      sink_.write(sample.text);
      sink_.write("\n");
      something_written_ = true;
    }
    if (sample.error) write_error(job, *sample.error);
  }
}

void TextWriter::write_error(const Job& job, const Error& error) {
  report_error((job.line > 0 ? "line " + std::to_string(job.line) + ": " : std::string()) + error.message);
}

}  // namespace fllm::cli
