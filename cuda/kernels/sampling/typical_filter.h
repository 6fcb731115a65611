// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row_stretch.h"
#include "cuda/portable/wide.h"

// typical-p: what is kept lies around the mean distance from the most likely id.
namespace fllm::sampling {

/// How much less likely than the first a value is, in units of 2^-20 bit, at most 41 bits. Never falls as the value does.
struct DistanceUnits {
  float maximum;
  float scale;

  [[nodiscard]] FLLM_DEVICE std::int32_t operator()(float value) const {
    return static_cast<std::int32_t>(max32((value - maximum) * scale, -41.0f) * -0x1p20f);
  }
};

/// Mean of the kept ids' distances, weighted by mass, rounded down; and their mass.
struct MeanDistance {
  std::int32_t mean;
  Mass mass;
};
template <Cta C, std::int32_t kIds>
FLLM_DEVICE MeanDistance mean_distance(const C& cta, SharedRow& shared, Row<C, kIds>& row, const Stretch& kept) {
  const DistanceUnits distance_of{row.maximum, row.scale};
  const MassFunction mass_of = row.mass();
  // Products in two parts, so that sums of 2^20 of them fit: mass * distance is at most 0.531 * 2^60.
  Totals own{};
  each_kept(cta, row, kept, [&](float value, std::int32_t) {
    const Mass mass = mass_of(value), distance = static_cast<Mass>(distance_of(value));
    own.of[0] += mass;
    own.of[1] += (mass >> 16) * distance;
    own.of[2] += (mass & 0xffffu) * distance;
  });
  const Totals all = add_up(cta, shared, row, own);
  const Wide sum = (Wide{0, all.of[1]} << 16) + Wide{0, all.of[2]};
  std::uint32_t mean = 0;
  for (std::uint32_t bit = 1u << 25; bit > 0; bit >>= 1) {
    if (product(mean | bit, all.of[0]) <= sum) mean |= bit;
  }
  return {static_cast<std::int32_t>(mean), all.of[0]};
}

/// The deviation from the mean up to which the goal is reached, and what is left of the goal for ids that deviate so much.
struct Deviation {
  std::int32_t units;
  Mass rest;
};
template <Cta C, std::int32_t kIds>
FLLM_DEVICE Deviation find_deviation(const C& cta, SharedRow& shared, Row<C, kIds>& row, const Stretch& kept,
                                     std::int32_t mean, Mass goal) {
  const DistanceUnits distance_of{row.maximum, row.scale};
  const MassFunction mass_of = row.mass();
  std::uint32_t units = 0;
  for (std::int32_t shift = 16; shift >= 0; shift -= 8) {  // digits of 10, 8 and 8 bits
    const std::int32_t above = shift == 16 ? 26 : shift + 8;
    for (std::int32_t i = cta.thread_index(); i < kBins; i += cta.thread_count()) shared.bins[i] = 0;
    cta.sync();  // bins are empty before anyone adds
    each_kept(cta, row, kept, [&](float value, std::int32_t) {
      const std::int32_t difference = distance_of(value) - mean;
      const auto deviation = static_cast<std::uint32_t>(difference < 0 ? -difference : difference);
      if (deviation >> above != units) return;
      cta.atomic_add(&shared.bins[(deviation >> shift) & ((1u << (above - shift)) - 1)], mass_of(value));
    });
    const BinCrossing crossing = find_bin(cta, shared, row, {goal, true});
    units = (units << (above - shift)) | static_cast<std::uint32_t>(crossing.bin);
    goal = crossing.rest;
  }
  return {static_cast<std::int32_t>(units), goal};
}

template <Cta C, std::int32_t kIds>
FLLM_DEVICE void keep_typical(const C& cta, SharedRow& shared, Row<C, kIds>& row, std::uint32_t share, Stretch& kept) {
  const MeanDistance all = mean_distance(cta, shared, row, kept);
  const Deviation deviation = find_deviation(cta, shared, row, kept, all.mean, top_p_target(share, all.mass));
  const DistanceUnits distance_of{row.maximum, row.scale};
  // Lowest values of at most so much distance, slots taking turns; a distance below 0 has none.
  const auto lowest_of = [&](std::int32_t slot, std::int32_t distance) {
    return distance < 0
               ? not_a_number32()
               : limit_of(cta, shared, row.maximum, slot, [&](float value) { return distance_of(value) <= distance; });
  };
  const std::int32_t upper = all.mean - deviation.units, lower = all.mean + deviation.units;
  const float above_upper = lowest_of(0, upper - 1), above_lower = lowest_of(1, lower - 1);
  if (above_upper == above_upper) kept.start = {above_upper, INT32_MAX};  // more likely ids are too far
  ValueRange cut{
      0, above_lower, {deviation.rest, true}};  // of those that deviate so much and are less likely, the first
  bool cut_above = false;
  if (upper >= 0 && deviation.units > 0) {  // more likely ones, which come before them
    const float lowest_upper = lowest_of(2, upper);
    Stretch group = kept;
    group.keep_from(lowest_upper);
    const Mass mass = resume(row, mass_of_stretch(cta, shared, row, group));
    cut_above = mass >= deviation.rest;  // they reach it: the nearest to the mean, which are the last
    cut.goal.amount = cut_above ? mass - deviation.rest + 1 : deviation.rest - mass;
    if (cut_above) {
      cut.lowest = lowest_upper;
      cut.above = above_upper;
    }
  }
  if (!cut_above) cut.lowest = lowest_of(0, lower);
  const Cut end = resume(row, cut_in_row(cta, shared, row, cut.lowest, cut.above, cut.goal));
  if (cut_above) {
    kept.start = {end.value, end.id};
    kept.keep_from(above_lower);
  } else {
    kept.end = end;
  }
}

}  // namespace fllm::sampling
