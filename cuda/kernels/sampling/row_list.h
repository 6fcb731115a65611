// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row.h"

namespace fllm::sampling {

/// Lists the ids that `matches(key)` in row.list, ascending; returns how many. Tiles whose largest key fails
/// `possible(key)` are not looked at. The list is there for everyone behind the block's next barrier.
template <Cta C, class Possible, class Matches>
FLLM_DEVICE std::int32_t list_ids(const C& cta, SharedRow& shared, const Row& row, const Possible& possible,
                                  const Matches& matches) {
  const auto bits_at = [&](std::int32_t base) {
    return group_bits(cta, [&](std::int32_t j) { return matches(row.keys[base + j]); });
  };
  for (std::int32_t t = cta.warp(); t < row.tiles.count; t += cta.warp_count()) {
    std::int32_t count = 0;
    if (possible(shared.tile_key[t])) {
      const std::int32_t begin = t * row.tiles.width;
      for (std::int32_t base = begin; base < begin + row.tiles.width; base += kGroupWidth) {
        count += count_bits(bits_at(base));
      }
    }
    if (cta.lane() == 0) shared.tile_mass[t] = static_cast<Mass>(count);
  }
  cta.sync();  // counts of all tiles are there

  const Chunk chunk = thread_chunk(cta, row.tiles.count);
  Mass sum = 0;
  for (std::int32_t t = chunk.begin; t < chunk.end; ++t) sum += shared.tile_mass[t];
  const ScanResult scan = block_scan(cta, shared.crossing.slots, sum);
  Mass offset = scan.before;
  for (std::int32_t t = chunk.begin; t < chunk.end; ++t) {  // counts become offsets
    const Mass count = shared.tile_mass[t];
    shared.tile_mass[t] = offset;
    offset += count;
  }
  cta.sync();  // offsets of all tiles are there, the scan's slots are read

  for (std::int32_t t = cta.warp(); t < row.tiles.count; t += cta.warp_count()) {
    const Mass next = t + 1 < row.tiles.count ? shared.tile_mass[t + 1] : scan.total;
    std::int32_t* out = row.list + shared.tile_mass[t];
    if (shared.tile_mass[t] == next) continue;
    const std::int32_t begin = t * row.tiles.width;
    for (std::int32_t base = begin; base < begin + row.tiles.width; base += kGroupWidth) {
      const std::uint32_t bits = bits_at(base);
      write_set_bits(cta, bits, base, out);
      out += count_bits(bits);
    }
  }
  return static_cast<std::int32_t>(scan.total);
}

}  // namespace fllm::sampling
