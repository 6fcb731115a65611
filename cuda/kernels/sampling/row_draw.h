// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row.h"

namespace fllm::sampling {

struct Kept {
  Mass mass;
  std::int32_t count;
};

/// Kept mass of every tile into shared.tile_mass, and the row's total. Ends with a barrier.
template <Cta C>
FLLM_DEVICE Kept sum_kept(const C& cta, SharedRow& shared, const Row& row, const Cut& cut) {
  Mass sum = 0;
  std::int32_t count = 0;
  for (std::int32_t t = cta.warp(); t < row.tiles.count; t += cta.warp_count()) {
    Mass tile_mass = 0;
    if (shared.tile_key[t] >= cut.key) {
      const std::int32_t begin = t * row.tiles.width;
      for (std::int32_t i = begin + cta.lane(); i < begin + row.tiles.width; i += C::kWarpWidth) {
        const std::int32_t key = row.keys[i];
        const Mass mass = cut.keeps(key, i) ? row.mass(key) : 0;
        tile_mass += mass;
        count += mass > 0 ? 1 : 0;
      }
      tile_mass = warp_reduce(cta, tile_mass, Sum{});
    }
    if (cta.lane() == 0) {
      shared.tile_mass[t] = tile_mass;
      sum += tile_mass;
    }
  }
  sum = block_reduce(cta, shared.crossing.slots, sum, Sum{});
  count = block_reduce(cta, shared.slots, count, Sum{});
  return {sum, count};  // the reductions are barriers too: tile_mass is there for everyone
}

/// First kept id, in ascending id, whose running mass reaches goal (1 <= goal <= kept mass). Needs sum_kept.
template <Cta C>
FLLM_DEVICE std::int32_t draw(const C& cta, SharedRow& shared, const Row& row, const Cut& cut, Mass goal) {
  const Crossing tile =
      find_crossing(cta, shared.crossing, row.tiles.count, goal, [&](std::int32_t t) { return shared.tile_mass[t]; });
  if (cta.warp() == 0) {
    Mass running = tile.before;
    std::int32_t base = tile.index * row.tiles.width;
    for (std::int32_t last = base + row.tiles.width; base < last; base += C::kWarpWidth) {
      const std::int32_t id = base + cta.lane();
      const Mass inclusive =
          running + warp_inclusive_sum(cta, cut.keeps(row.keys[id], id) ? row.mass(row.keys[id]) : 0);
      const std::uint32_t reached = cta.ballot(inclusive >= goal);
      if (reached != 0) {
        if (cta.lane() == 0) shared.found = base + lowest_bit(reached);
        break;
      }
      running = cta.shuffle(inclusive, C::kWarpWidth - 1);
    }
  }
  cta.sync();  // found is written
  return shared.found;
}

}  // namespace fllm::sampling
