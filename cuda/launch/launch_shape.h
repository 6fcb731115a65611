// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace fllm {

/// How a kernel is spread out. Serial execution runs the same grid with one thread a block.
struct LaunchShape {
  std::int32_t grid = 0;   ///< blocks; 0 launches nothing
  std::int32_t block = 0;  ///< threads of a block, a multiple of 32
  std::size_t dynamic_shared_bytes = 0;
};

}  // namespace fllm
