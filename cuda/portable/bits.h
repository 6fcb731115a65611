// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/portable/annotations.h"

namespace fllm {

FLLM_HOST_DEVICE std::int32_t count_bits(std::uint32_t bits) {
#if defined(__CUDA_ARCH__)
  return __popc(bits);
#else
  return __builtin_popcount(bits);
#endif
}

/// Index of the lowest set bit. Precondition: bits != 0.
FLLM_HOST_DEVICE std::int32_t lowest_bit(std::uint32_t bits) {
#if defined(__CUDA_ARCH__)
  return __ffs(static_cast<int>(bits)) - 1;
#else
  return __builtin_ctz(bits);
#endif
}

}  // namespace fllm
