// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/portable/annotations.h"

// Global memory that blocks of one grid change together, on a CPU from several threads.
namespace fllm {

FLLM_DEVICE void grid_add(std::uint32_t* address, std::uint32_t value) {
#if defined(__CUDA_ARCH__)
  atomicAdd(address, value);
#else
  __atomic_fetch_add(address, value, __ATOMIC_RELAXED);
#endif
}

/// What is there at some time between the additions of others.
FLLM_DEVICE std::uint32_t grid_load(const std::uint32_t* address) {
#if defined(__CUDA_ARCH__)
  return *const_cast<const volatile std::uint32_t*>(address);
#else
  return __atomic_load_n(address, __ATOMIC_RELAXED);
#endif
}

}  // namespace fllm
