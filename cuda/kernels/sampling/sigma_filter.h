// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row_stretch.h"
#include "cuda/portable/wide.h"

// top-n-sigma: a bound on logits, by integer sums of their distances from the maximum.
namespace fllm::sampling {

/// Distance from the maximum on a grid that the row's largest distance sets.
struct SigmaUnits {
  float maximum;
  float scale;  // 2^(20 - e)

  [[nodiscard]] FLLM_DEVICE static float distance(float maximum, float value) {
    const float below = maximum - value;
    return below < 0x1.fffffep127f ? below : 0x1.fffffep127f;
  }
  /// At most 2^21, and below it for what the row has.
  [[nodiscard]] FLLM_DEVICE Mass operator()(float value) const {
    const float units = distance(maximum, value) * scale;
    return static_cast<std::uint32_t>(units < 0x1p21f ? units : 0x1p21f);
  }
};

/// The lowest value that lies at most n standard deviations below the maximum. n > 0.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE float sigma_floor(const C& cta, SharedRow& shared, Row<C, kIds>& row, float n) {
  const Stretch allowed{{}, {kLowestValue}};
  float lowest = row.maximum;
  each_kept(cta, row, allowed, [&](float value, std::int32_t) { lowest = value < lowest ? value : lowest; });
  const std::uint32_t key = key_word(lowest);
  const Mass block_key = block_reduce(cta, shared.crossing.slots, Mass{key}, Minimum{});
  tell(cta, shared, row, {{block_key}});
  lowest = from_key_word(heard<std::uint32_t>(cta, shared, row, 0, Minimum{}));
  const float largest = SigmaUnits::distance(row.maximum, lowest);
  if (largest == 0.0f) return kLowestValue;  // the same for the whole row

  const std::int32_t biased = static_cast<std::int32_t>(bit_cast<std::uint32_t>(largest) >> 23) - 127;
  const std::int32_t exponent = biased > -100 ? biased : -100;
  const SigmaUnits units{row.maximum, bit_cast<float>(static_cast<std::uint32_t>(127 + 20 - exponent) << 23)};
  Totals own{};
  each_kept(cta, row, allowed, [&](float value, std::int32_t) {
    const Mass distance = units(value);
    own.of[0] += 1;
    own.of[1] += distance;
    own.of[2] += distance * distance;
  });
  const Totals all = add_up(cta, shared, row, own);
  const Mass count = all.of[0], n16 = static_cast<std::uint32_t>(n * 0x1p16f);
  const Wide variance = product(count, all.of[2]) - product(all.of[1], all.of[1]);  // times count^2
  const Wide bound = variance * (n16 * n16);
  return limit_of(cta, shared, row.maximum, 1, [&](float value) {
    const Mass scaled = units(value) * count;
    return (product(scaled, scaled) << 32) <= bound;
  });
}

}  // namespace fllm::sampling
