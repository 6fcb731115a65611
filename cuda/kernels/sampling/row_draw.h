// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row_notice.h"

// Sums of integer weights over a row and where, in ascending id, they reach a goal.
namespace fllm::sampling {

struct Sums {
  Mass before;  // weight of the blocks in front of this one
  Mass own;     // of this block
  Mass total;   // of the row
};

/// Adds up weight_of(value, id) over the values of at least `least`, which all others lack, chunk by chunk into
/// chunk_masses. dense: most values are expected to have a weight.
template <Cta C, std::int32_t kIds, class WeightOf>
FLLM_DEVICE Sums sum_weights(const C& cta, SharedRow& shared, Row<C, kIds>& row, float least, bool dense,
                             const WeightOf& weight_of) {
  Mass block_sum = 0;
  for (std::int32_t chunk = cta.warp(); chunk < row.layout.chunks; chunk += cta.warp_count()) {
    Mass sum = 0;
    const auto add = [&](float value, std::int32_t id) { sum += weight_of(value, id); };
    if constexpr (Positions<C, kIds>::kSimt) {
      if (dense) {
        each_value(cta, row, chunk, add);
      } else {
        each_at_least(cta, row, chunk, least, add);
      }
      sum = warp_reduce(cta, sum, Sum{});
    } else if (row.parts[chunk] >= least) {
      each_value(cta, row, chunk, add);
    }
    if (cta.lane() == 0) {
      row.chunk_masses[chunk] = sum;
      block_sum += sum;
    }
  }
  block_sum = block_reduce(cta, shared.crossing.slots, block_sum, Sum{});  // a barrier too: chunk_masses are there
  tell(cta, shared, row, {{block_sum}});
  return {heard_before(shared, row, 0), block_sum, heard<Mass>(cta, shared, row, 0, Sum{})};
}

/// First id, ascending, at which the running weight reaches goal (1 <= goal <= total). Returns it to the block that has it,
/// -1 to the others. weight_of and sums are those of the last sum_weights.
template <Cta C, std::int32_t kIds, class WeightOf>
FLLM_DEVICE std::int32_t locate(const C& cta, SharedRow& shared, const Row<C, kIds>& row, const Sums& sums, Mass goal,
                                const WeightOf& weight_of) {
  using Place = Positions<C, kIds>;
  if (goal <= sums.before || goal > sums.before + sums.own) return -1;  // the same for the whole block
  const Crossing chunk = find_crossing(cta, shared.crossing, row.layout.chunks, goal - sums.before,
                                       [&](std::int32_t c) { return row.chunk_masses[c]; });
  if (cta.warp() == 0) {
    const Mass rest = goal - sums.before;
    Mass running = chunk.before;
    const std::int32_t first = row.begin + chunk.index * row.layout.chunk_width;
    for (std::int32_t base = 0; base < row.layout.chunk_width; base += C::kWarpWidth * Place::kPerLane) {
      const std::int32_t id = first + base + cta.lane() * Place::kPerLane;
      Mass weight[Place::kPerLane], sum = 0;
      FLLM_UNROLL
      for (std::int32_t e = 0; e < Place::kPerLane; ++e) sum += weight[e] = weight_of(row.own(id + e), id + e);
      const Mass inclusive = running + warp_inclusive_sum(cta, sum);
      const std::uint32_t reached = cta.ballot(inclusive >= rest);
      if (reached != 0) {
        if (cta.lane() == lowest_bit(reached)) {
          Mass before = inclusive - sum;
          std::int32_t found = id;
          FLLM_UNROLL
          for (std::int32_t e = 0; e < Place::kPerLane; ++e) {
            before += weight[e];
            found += before < rest ? 1 : 0;
          }
          shared.found = found;
        }
        break;
      }
      running = cta.shuffle(inclusive, C::kWarpWidth - 1);
    }
  }
  cta.sync();  // found is written
  return shared.found;
}

}  // namespace fllm::sampling
