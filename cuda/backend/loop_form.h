// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

// How recorded work is repeated on a CUDA device without the host.
namespace fllm {

enum class LoopForm : std::uint8_t {
  kConditional,  // a graph whose loop the device ends
  kUnrolled,     // so many steps as there can be, in graphs of a few; those behind the end find nothing to do
};

/// Conditional nodes came with CUDA 12.4. Versions as CUDA gives them: 1000 x major + 10 x minor.
constexpr LoopForm choose_loop_form(int driver_version, int runtime_version) {
  constexpr int kFirst = 12040;
  return driver_version >= kFirst && runtime_version >= kFirst ? LoopForm::kConditional : LoopForm::kUnrolled;
}

/// Steps of one graph of the unrolled form: as many as keep a graph small and divide max_steps (>= 1).
constexpr std::int32_t unrolled_steps(std::int32_t max_steps) {
  std::int32_t steps = max_steps < 8 ? max_steps : 8;
  while (max_steps % steps != 0) --steps;
  return steps;
}

}  // namespace fllm
