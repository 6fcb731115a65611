// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row_notice.h"

// What everything else starts from: the row's maximum, and a bound that few values pass.
namespace fllm::sampling {

/// Largest count for which a bound is looked for; more would not fit a short list anyway.
constexpr std::int32_t kMaxBoundCount = kListCapacity / 2;

constexpr float kLowestValue = -0x1.fffffep127f;  // of an id that is allowed

/// The largest value of 16 leading key bits that at least `count` of values[0..size) reach; kLowestValue when fewer than
/// that are finite. One warp; every lane gets it.
template <Cta C>
FLLM_DEVICE float count_bound(const C& cta, const float* values, std::int32_t size, std::int32_t count) {
  float lane_largest = -infinity32();
  const bool by_lanes = C::kWarpWidth > 1 && count <= C::kWarpWidth / 2;  // then the lanes' maxima do
  if (by_lanes) {
    for (std::int32_t i = cta.lane(); i < size; i += C::kWarpWidth) lane_largest = max32(lane_largest, values[i]);
  }
  std::int32_t key = -0x8000;
  for (std::int32_t step = 0x8000; step > 0; step >>= 1) {
    const float least = from_ordered((key + step) * 0x10000);  // NaN beyond the infinities: nothing reaches it
    std::int32_t reached = 0;
    if (by_lanes) {
      reached = count_bits(cta.ballot(lane_largest >= least));
    } else {
      for (std::int32_t i = cta.lane(); i < size; i += C::kWarpWidth) reached += values[i] >= least ? 1 : 0;
      reached = warp_reduce(cta, reached, Sum{});
    }
    key = reached >= count ? key + step : key;
  }
  return key > -0x8000 ? max32(from_ordered(key * 0x10000), kLowestValue) : kLowestValue;
}

struct Summary {
  float bound = 0;  // at least `count` ids reach it, or all that are allowed do
  std::uint32_t status = kSampleOk;
};

/// Sets row.maximum. count: for how many ids a bound is wanted, at most kMaxBoundCount; 0: none. The parts' maxima and the
/// warps' NaN marks must be there.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE Summary summarise(const C& cta, SharedRow& shared, Row<C, kIds>& row, std::int32_t count) {
  Notice notice{};
  if (cta.warp() == 0) {
    float largest = -infinity32();
    for (std::int32_t i = cta.lane(); i < row.layout.parts(); i += C::kWarpWidth) {
      largest = max32(largest, row.parts[i]);
    }
    largest = warp_reduce(cta, largest, [](float a, float b) { return max32(a, b); });
    const std::int32_t left = row.vocab - row.begin;
    const std::int32_t ids = left < 0 ? 0 : left < row.layout.slice_width() ? left : row.layout.slice_width();
    // The blocks' shares add up to at least count, so at least count ids of the row reach the lowest of their bounds.
    const auto share = static_cast<std::int32_t>((std::int64_t{count} * ids + row.vocab - 1) / row.vocab);
    const float bound = share > 0 ? count_bound(cta, row.parts, row.layout.parts(), share) : infinity32();
    std::int32_t nan = 0;
    for (std::int32_t w = cta.lane(); w < cta.warp_count(); w += C::kWarpWidth) nan |= shared.warp_has_nan[w];
    notice = {{key_word(largest), key_word(bound), cta.ballot(nan != 0) != 0 ? Mass{kSampleNan} : Mass{0}, 0}};
  }
  tell(cta, shared, row, notice);
  if (cta.warp() == 0) {  // for the whole block: the others have only to look
    const Notice all = {{heard<std::uint32_t>(cta, shared, row, 0, Maximum{}),
                         heard<std::uint32_t>(cta, shared, row, 1, Minimum{}),
                         heard<std::uint32_t>(cta, shared, row, 2, Maximum{})}};
    if (cta.lane() == 0) shared.summary = all;
  }
  cta.sync();  // the summary is written
  row.maximum = from_key_word(static_cast<std::uint32_t>(shared.summary.word[0]));
  return {from_key_word(static_cast<std::uint32_t>(shared.summary.word[1])),
          static_cast<std::uint32_t>(shared.summary.word[2])};
}

/// Lowest id of this block that has the row's maximum; INT32_MAX: none. Every thread gets it.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE std::int32_t first_of_maximum(const C& cta, SharedRow& shared, const Row<C, kIds>& row) {
  std::int32_t first = INT32_MAX;
  for (std::int32_t chunk = cta.warp(); chunk < row.layout.chunks && first == INT32_MAX; chunk += cta.warp_count()) {
    each_at_least(cta, row, chunk, row.maximum, [&](float, std::int32_t id) { first = id < first ? id : first; });
  }
  return block_reduce(cta, shared.slots, first, Minimum{});
}

}  // namespace fllm::sampling
