// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

namespace fllm {

/// Characters first, first + stride, ... last, which fold to the ones `distance` further on.
struct CaseFoldingRun {
  char32_t first = 0, last = 0;
  std::int32_t distance = 0, stride = 1;
};

/// Unicode's simple case folding (version 14, mappings C and S), ascending. What a character folds to folds to itself.
[[nodiscard]] std::span<const CaseFoldingRun> case_folding();

}  // namespace fllm
