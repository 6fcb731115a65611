// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/cta/cta_concept.h"
#include "cuda/portable/annotations.h"
#include "cuda/portable/bits.h"

namespace fllm {

constexpr std::int32_t kGroupWidth = 32;  // ids handled together: a warp's worth, a mask word's worth

/// Bit j: predicate(j), for j in [0, 32). Called by a whole warp; all its lanes get it.
template <Cta C, class Predicate>
FLLM_DEVICE std::uint32_t group_bits(const C& cta, const Predicate& predicate) {
  if constexpr (C::kWarpWidth == kGroupWidth) {
    return cta.ballot(predicate(cta.lane()));
  } else {
    std::uint32_t bits = 0;
    for (std::int32_t j = 0; j < kGroupWidth; ++j) bits |= predicate(j) ? 1u << j : 0u;
    return bits;
  }
}

/// Writes base + j for every set bit j, ascending, to out.
template <Cta C>
FLLM_DEVICE void write_set_bits(const C& cta, std::uint32_t bits, std::int32_t base, std::int32_t* out) {
  if constexpr (C::kWarpWidth == kGroupWidth) {
    const std::uint32_t bit = 1u << cta.lane();
    if ((bits & bit) != 0) out[count_bits(bits & (bit - 1))] = base + cta.lane();
  } else {
    for (; bits != 0; bits &= bits - 1) *out++ = base + lowest_bit(bits);
  }
}

}  // namespace fllm
