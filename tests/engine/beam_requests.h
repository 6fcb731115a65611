// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <string>

#include "tests/engine/engine_runner.h"

namespace fllm::test {

inline Request search_for(const std::string& prompt, std::int32_t width, std::int32_t max_tokens) {
  Request request = request_for(prompt, max_tokens);
  request.beam = BeamOptions{.width = width, .num_return = width};
  return request;
}

/// All of a result, scores to the bit.
inline std::string beams_of(const Completion& completion) {
  std::string text = text_of(completion);
  for (const Sample& sample : completion.samples) {
    if (!sample.beam) continue;
    text += std::to_string(std::bit_cast<std::uint32_t>(sample.beam->sum)) + ' ' +
            std::to_string(std::bit_cast<std::uint32_t>(sample.beam->score));
    for (const float logprob : sample.beam->logprobs)
      text += ' ' + std::to_string(std::bit_cast<std::uint32_t>(logprob));
    text += '\n';
  }
  return text;
}

}  // namespace fllm::test
