// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>

namespace fllm {

/// Which searches have the first rows of a batch. What is recorded of their steps is true of one layout alone.
struct BeamLayout {
  std::int32_t rows = 0;     // of all of them; 0: there are none
  std::uint64_t number = 0;  // another one whenever a search begins or ends; 0 without any

  friend auto operator<=>(const BeamLayout&, const BeamLayout&) = default;
};

}  // namespace fllm
