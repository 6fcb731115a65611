// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row_draw.h"

// A histogram of a row over all its blocks, and the bin in which a running weight reaches a goal.
namespace fllm::sampling {

/// What the prefix must reach: so many ids, or so much mass (> 0), or a share of all the mass there is.
struct Goal {
  Mass amount = 0;
  bool by_mass = true;
  std::uint32_t share = 0;  // units of 2^-32, when amount is 0

  [[nodiscard]] FLLM_DEVICE Mass of(Mass total) const { return amount > 0 ? amount : top_p_target(share, total); }
};

struct BinCrossing {
  std::int32_t bin;  // -1: the total does not reach the goal
  Mass rest;         // of the goal, behind the bins in front of it
};

/// A block's share of the bins, once the weights of all blocks are in it.
struct BinShare {
  std::int32_t first;
  std::int32_t width;
  Mass sum;
};

/// Adds up the bins of all blocks, each block a share of them, which it then holds alone. Each block's bins are filled.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE BinShare share_bins(const C& cta, SharedRow& shared, const Row<C, kIds>& row) {
  cta.cluster_sync();  // the bins of all blocks are filled
  const std::int32_t width = kBins / row.layout.blocks, first = row.rank * width;
  Mass sum = 0;
  for (std::int32_t i = first + cta.thread_index(); i < first + width; i += cta.thread_count()) {
    Mass bin = shared.bins[i];
    for (std::int32_t other = 1; other < row.layout.blocks; ++other) {
      bin += *cta.remote(&shared.bins[i], (row.rank + other) & (row.layout.blocks - 1));
    }
    shared.bins[i] = bin;  // nobody else reads this block's share of its bins
    sum += bin;
  }
  return {first, width, block_reduce(cta, shared.crossing.slots, sum, Sum{})};  // a barrier too: the sums are there
}

/// The bin of the whole row in which the running weight reaches the goal. Each block's bins are filled; they are destroyed.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE BinCrossing find_bin(const C& cta, SharedRow& shared, Row<C, kIds>& row, const Goal& wanted) {
  const BinShare own = share_bins(cta, shared, row);
  tell(cta, shared, row, {{own.sum}});
  const Mass before = heard_before(shared, row, 0);
  const Mass goal = wanted.of(heard<Mass>(cta, shared, row, 0, Sum{}));
  Notice found{};
  if (before < goal && goal <= before + own.sum) {  // one block, when the total reaches the goal
    const Crossing crossing = find_crossing(cta, shared.crossing, own.width, goal - before,
                                            [&](std::int32_t i) { return shared.bins[own.first + i]; });
    found = {{static_cast<Mass>(own.first + crossing.index + 1), goal - before - crossing.before}};
  }
  tell(cta, shared, row, found);
  return {static_cast<std::int32_t>(heard<Mass>(cta, shared, row, 0, Maximum{})) - 1,
          heard<Mass>(cta, shared, row, 1, Maximum{})};
}

/// Fills the block's bins: bin_of(value) in [0, kBins), weight_of(value), over values in [least, above) (above NaN: at least
/// least).
template <Cta C, std::int32_t kIds, class BinOf, class WeightOf>
FLLM_DEVICE void fill_bins(const C& cta, SharedRow& shared, const Row<C, kIds>& row, float least, float above,
                           const BinOf& bin_of, const WeightOf& weight_of) {
  for (std::int32_t i = cta.thread_index(); i < kBins; i += cta.thread_count()) shared.bins[i] = 0;
  cta.sync();  // bins are empty before anyone adds
  for (std::int32_t chunk = cta.warp(); chunk < row.layout.chunks; chunk += cta.warp_count()) {
    if constexpr (Positions<C, kIds>::kSimt) {
      each_value(cta, row, chunk, [&](float value, std::int32_t) {
        if (value >= least && !(value >= above)) cta.atomic_add(&shared.bins[bin_of(value)], weight_of(value));
      });
    } else {
      if (!(row.parts[chunk] >= least)) continue;
      const float* values = row.values + chunk * row.layout.chunk_width;
      for (std::int32_t base = 0; base < row.layout.chunk_width; base += kGroupLanes) {
        static_assert(kGroupLanes == 2 * kLookWidth);
        if (!any_within(values + base, least, above) && !any_within(values + base + kLookWidth, least, above)) continue;
        std::int32_t bin[kGroupLanes];
        Mass weight[kGroupLanes];
        // One loop each, apart from the additions, so that they vectorise.
        for (std::int32_t i = 0; i < kGroupLanes; ++i) bin[i] = bin_of(values[base + i]);
        for (std::int32_t i = 0; i < kGroupLanes; ++i) weight[i] = weight_of(values[base + i]);
        for (std::int32_t i = 0; i < kGroupLanes; ++i) {
          weight[i] = values[base + i] >= least && !(values[base + i] >= above) ? weight[i] : 0;
        }
        for (std::int32_t i = 0; i < kGroupLanes; ++i) shared.bins[bin[i]] += weight[i];
      }
    }
  }
}

/// Values whose bin is the same, by distance from the maximum.
struct DistanceBins {
  float maximum;
  float scale;
  float least;  // the mass function's, so that both work on one argument
  float factor = in_register(-24.9f);

  /// Never decreases as the value falls.
  [[nodiscard]] FLLM_DEVICE std::int32_t operator()(float value) const {
    return static_cast<std::int32_t>(max32((value - maximum) * scale, least) * factor);
  }
};

/// Bins of one width over the values from top down.
struct EvenBins {
  float top;
  float factor;  // bins for each unit of value

  /// Never decreases as the value falls.
  [[nodiscard]] FLLM_DEVICE std::int32_t operator()(float value) const {
    const float distance = max32((top - value) * factor, 0.0f);
    return static_cast<std::int32_t>(distance < kBins - 1 ? distance : kBins - 1.0f);
  }
};

}  // namespace fllm::sampling
