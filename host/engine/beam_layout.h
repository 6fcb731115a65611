// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <tuple>

namespace fllm {

/// Which searches have the first rows of a batch. What is recorded of their steps is true of one layout alone.
struct BeamLayout {
  std::int32_t rows = 0;     // of all of them; 0: there are none
  std::uint64_t number = 0;  // another one whenever a search begins or ends; 0 without any

  friend bool operator==(const BeamLayout&, const BeamLayout&) = default;
  friend bool operator<(const BeamLayout& a, const BeamLayout& b) {
    return std::tie(a.rows, a.number) < std::tie(b.rows, b.number);
  }
};

}  // namespace fllm
