// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/cta/cta_concept.h"
#include "cuda/portable/annotations.h"

namespace fllm {

constexpr std::int32_t kMaxWarps = 32;

/// The combination of every lane's value; all lanes get it. combine is associative and commutative.
template <Cta C, class T, class Combine>
FLLM_DEVICE T warp_reduce(const C& cta, T value, const Combine& combine) {
  FLLM_UNROLL
  for (std::int32_t step = C::kWarpWidth / 2; step > 0; step >>= 1)
    value = combine(value, cta.shuffle_xor(value, step));
  return value;
}

/// The combination of every thread's value; all threads get it. slots is shared memory that nobody else uses meanwhile, up
/// to the block's next barrier.
template <Cta C, class T, class Combine>
FLLM_DEVICE T block_reduce(const C& cta, T (&slots)[kMaxWarps], T value, const Combine& combine) {
  value = warp_reduce(cta, value, combine);
  if constexpr (C::kWarpWidth > 1) {
    if (cta.lane() == 0) slots[cta.warp()] = value;
    cta.sync();  // slots are written
    value = slots[0];
    for (std::int32_t w = 1; w < cta.warp_count(); ++w) value = combine(value, slots[w]);
  }
  return value;
}

struct Maximum {
  template <class T>
  FLLM_DEVICE T operator()(T a, T b) const {
    return a < b ? b : a;
  }
};
struct Minimum {
  template <class T>
  FLLM_DEVICE T operator()(T a, T b) const {
    return b < a ? b : a;
  }
};
struct Sum {
  template <class T>
  FLLM_DEVICE T operator()(T a, T b) const {
    return a + b;
  }
};

}  // namespace fllm
