// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row.h"

// Where a condition on values that holds for the larger ones ends, by search over their keys instead of the row.
namespace fllm::sampling {

/// The lowest value above -inf for which `holds`, which does not hold for any value below it and holds for the row's
/// maximum. Every thread gets it. slot: a place of its own among SharedRow::limits until the block's next barrier but one.
template <Cta C, class Holds>
FLLM_DEVICE float limit_of(const C& cta, SharedRow& shared, float maximum, std::int32_t slot, const Holds& holds) {
  if (cta.warp() == 0) {
    // The first key for which it holds lies in (low, high]; a warp tries as many keys at once as it has lanes.
    std::int64_t low = kOrderedMinusInfinity, high = to_ordered(maximum + 0.0f);
    while (high - low > 1) {  // at most 32 turns of one lane, 7 of 32
      const std::int64_t step = (high - low + C::kWarpWidth) / (C::kWarpWidth + 1);
      const std::int64_t tried = low + step * (cta.lane() + 1);
      const std::int64_t key = tried < high ? tried : high;
      const std::uint32_t lanes = cta.ballot(holds(from_ordered(static_cast<std::int32_t>(key))));
      const std::int32_t first = lanes != 0 ? lowest_bit(lanes) : C::kWarpWidth;
      const std::int64_t up = low + step * (first + 1);
      low += step * first;
      high = up < high ? up : high;
    }
    if (cta.lane() == 0) shared.limits[slot] = from_ordered(static_cast<std::int32_t>(high));
  }
  cta.sync();  // the limit is written
  return shared.limits[slot];
}

/// The lowest value whose mass is at least min_mass (>= 1): masses never grow as values fall.
template <Cta C>
FLLM_DEVICE float support_floor(const C& cta, SharedRow& shared, const MassFunction& mass_of, Mass min_mass) {
  return limit_of(cta, shared, mass_of.maximum, 0, [&](float value) { return mass_of(value) >= min_mass; });
}

}  // namespace fllm::sampling
