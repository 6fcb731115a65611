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
  std::int32_t cluster = 1;  ///< consecutive blocks that share their memory
};

/// What an executor offers, for kernels whose shape depends on it.
struct LaunchTarget {
  std::int32_t warp_width = 32;
  std::int32_t threads = 0;            ///< of every block, whatever a launch asks for; 0: what it asks for
  std::size_t block_shared_bytes = 0;  ///< static and dynamic
  std::int32_t multiprocessors = 1;
  std::int32_t max_cluster = 1;
};

}  // namespace fllm
