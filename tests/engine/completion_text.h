// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <string>

#include "fundamentallm/request.h"

namespace fllm::test {

/// Everything of a result that may be compared, numbers to the bit: texts, reasons, ids, log-probabilities, scores, errors.
inline std::string all_of(const Completion& completion) {
  std::string text;
  const auto add = [&text](auto value) { text += std::to_string(std::bit_cast<std::uint32_t>(value)) + ' '; };
  const auto add_double = [&text](double value) { text += std::to_string(std::bit_cast<std::uint64_t>(value)) + '|'; };
  for (const Sample& sample : completion.samples) {
    text += sample.text + '|' + std::string(to_string(sample.finish_reason)) + '|';
    add_double(sample.sum_logprob);
    add_double(sample.mean_logprob);
    for (const TokenId id : sample.tokens) add(id);
    for (const TokenDetail& detail : sample.details) {
      add(detail.drawn.raw);
      add(detail.drawn.processed);
      add(detail.rank);
      for (const TokenLogprob& entry : detail.top) {
        add(entry.id);
        add(entry.processed);
      }
    }
    if (sample.beam) {
      add(sample.beam->sum);
      add(sample.beam->score);
      for (const float logprob : sample.beam->logprobs) add(logprob);
    }
    if (sample.error) text += sample.error->message;
    text += '\n';
  }
  return text;
}

}  // namespace fllm::test
