// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/cta/cta_concept.h"
#include "cuda/portable/annotations.h"

// The one order in which floats are added. Element i belongs to strand i % 32; a strand starts at +0 and takes its
// elements in ascending order; strands are joined by xor steps 16, 8, 4, 2, 1. A warp of 32 holds a strand per lane; a
// warp of one holds them all in an array, whose loops become vector instructions. The bits are the same.
namespace fllm {

constexpr std::int32_t kStrands = 32;

/// Folds elements [0, count): add(i, sum) is the strand's new sum. Called by a whole warp; all its lanes get the result.
template <Cta C, class Add>
FLLM_DEVICE float strand_sum(const C& cta, std::int32_t count, const Add& add) {
  if constexpr (C::kWarpWidth == kStrands) {
    float sum = 0;
    for (std::int32_t i = cta.lane(); i < count; i += kStrands) sum = add(i, sum);
    FLLM_UNROLL
    for (std::int32_t step = kStrands / 2; step > 0; step >>= 1) sum += cta.shuffle_xor(sum, step);
    return sum;
  } else {
    float strand[kStrands] = {};
    std::int32_t base = 0;
    for (; base + kStrands <= count; base += kStrands) {
      for (std::int32_t s = 0; s < kStrands; ++s) strand[s] = add(base + s, strand[s]);
    }
    if (base < count) {  // on a copy: an array indexed by a variable would leave its registers in the loop above too
      float last[kStrands];
      for (std::int32_t s = 0; s < kStrands; ++s) last[s] = strand[s];
      for (std::int32_t s = 0; s < count - base; ++s) last[s] = add(base + s, last[s]);
      return cta.sum_strands(last);
    }
    return cta.sum_strands(strand);
  }
}

/// The sums of kCount strands of every lane, each as strand_sum joins them: a lane gets that of value[strand_sums_index], in as
/// many shuffles as there are values, since at each step a lane passes on the half that others finish. kCount: a power of two
/// up to 32. For a whole warp of 32.
template <std::int32_t kCount, Cta C>
FLLM_DEVICE float strand_sums(const C& cta, float (&value)[kCount]) {
  static_assert(C::kWarpWidth == kStrands && kCount <= kStrands);
  std::int32_t left = kCount;
  FLLM_UNROLL
  for (std::int32_t step = kStrands / 2; step > 0; step >>= 1) {
    if (left == 1) {
      value[0] += cta.shuffle_xor(value[0], step);
      continue;
    }
    left /= 2;
    const bool upper = (cta.lane() & step) != 0;
    FLLM_UNROLL
    for (std::int32_t i = 0; i < kCount / 2; ++i) {
      if (i >= left) break;
      const float own = upper ? value[i + left] : value[i], other = upper ? value[i] : value[i + left];
      value[i] = own + cta.shuffle_xor(other, step);
    }
  }
  return value[0];
}

/// Which of strand_sums's values a lane gets.
template <std::int32_t kCount, Cta C>
FLLM_DEVICE std::int32_t strand_sums_index(const C& cta) {
  return cta.lane() / (kStrands / kCount);
}

/// Largest of value(i), i in [0, count), NaN passed over; `lowest` when there is none. Called by a whole warp; all its lanes
/// get the result. Which zero stands for equal zeros is unspecified.
template <Cta C, class Value>
FLLM_DEVICE float strand_max(const C& cta, std::int32_t count, float lowest, const Value& value) {
  if constexpr (C::kWarpWidth == kStrands) {
    float best = lowest;
    for (std::int32_t i = cta.lane(); i < count; i += kStrands) best = value(i) > best ? value(i) : best;
    FLLM_UNROLL
    for (std::int32_t step = kStrands / 2; step > 0; step >>= 1) {
      const float other = cta.shuffle_xor(best, step);
      best = other > best ? other : best;
    }
    return best;
  } else {
    float strand[kStrands];
    for (std::int32_t s = 0; s < kStrands; ++s) strand[s] = lowest;
    std::int32_t base = 0;
    for (; base + kStrands <= count; base += kStrands) {
      for (std::int32_t s = 0; s < kStrands; ++s) {
        const float v = value(base + s);
        strand[s] = v > strand[s] ? v : strand[s];
      }
    }
    float best = lowest;
    for (; base < count; ++base) best = value(base) > best ? value(base) : best;
    for (std::int32_t s = 0; s < kStrands; ++s) best = strand[s] > best ? strand[s] : best;
    return best;
  }
}

}  // namespace fllm
