// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row_list.h"

// Finds where a prefix of the total order ends that holds so many ids, or so much mass. Exact, in a fixed number of
// passes whatever the row looks like.
namespace fllm::sampling {

/// What the prefix must reach (> 0): that many ids, or that mass.
struct Goal {
  Mass amount;
  bool by_mass;
};

constexpr std::int32_t kDigitBits = 8;
constexpr std::int32_t kDigits = 1 << kDigitBits;

template <Cta C>
FLLM_DEVICE void clear_bins(const C& cta, SharedRow& shared, std::int32_t count) {
  for (std::int32_t i = cta.thread_index(); i < count; i += cta.thread_count()) shared.bins[i] = 0;
  cta.sync();  // bins are empty before anyone adds; a list that select_in_list works on is complete
}

struct KeySelection {
  bool found;        // false: the total does not reach the goal
  std::int32_t key;  // of the entry that reaches it
  Mass before;       // weight of the entries with larger keys
};

/// Radix selection, largest key first, over count entries: key_at(i), weight_at(i, key) > 0.
template <Cta C, class KeyAt, class WeightOf>
FLLM_DEVICE KeySelection select_key(const C& cta, SharedRow& shared, std::int32_t count, Mass goal, const KeyAt& key_at,
                                    const WeightOf& weight_of) {
  std::uint32_t prefix = 0;  // the digits found so far, of keys flipped so that larger ones come first
  Mass before = 0;
  for (std::int32_t shift = 32 - kDigitBits; shift >= 0; shift -= kDigitBits) {
    clear_bins(cta, shared, kDigits);
    for (std::int32_t i = cta.thread_index(); i < count; i += cta.thread_count()) {
      const std::int32_t key = key_at(i);
      const std::uint32_t flipped = static_cast<std::uint32_t>(key) ^ 0x7fffffffu;
      const bool inside = shift == 32 - kDigitBits || (flipped >> (shift + kDigitBits)) == prefix;
      if (inside) cta.atomic_add(&shared.bins[(flipped >> shift) & (kDigits - 1)], weight_of(key));
    }
    cta.sync();  // all weights are added
    const Crossing crossing =
        find_crossing(cta, shared.crossing, kDigits, goal - before, [&](std::int32_t i) { return shared.bins[i]; });
    if (crossing.index < 0) return {false, 0, 0};
    prefix = (prefix << kDigitBits) | static_cast<std::uint32_t>(crossing.index);
    before += crossing.before;
  }
  return {true, static_cast<std::int32_t>(prefix ^ 0x7fffffffu), before};
}

/// The cut within row.list[0..count), which holds, in ascending order, every id that can be its end.
template <Cta C>
FLLM_DEVICE Cut select_in_list(const C& cta, SharedRow& shared, const Row& row, std::int32_t count, Goal goal) {
  const auto key_at = [&](std::int32_t i) { return row.keys[row.list[i]]; };
  const KeySelection selected = select_key(cta, shared, count, goal.amount, key_at,
                                           [&](std::int32_t key) { return goal.by_mass ? row.mass(key) : Mass{1}; });
  if (!selected.found) return Cut{};
  const Mass each = goal.by_mass ? row.mass(selected.key) : Mass{1};  // > 0: it made the goal
  const Mass ties = (goal.amount - selected.before + each - 1) / each;
  const Crossing last = find_crossing(cta, shared.crossing, count, ties,
                                      [&](std::int32_t i) { return key_at(i) == selected.key ? Mass{1} : Mass{0}; });
  return {selected.key, row.list[last.index]};
}

/// Bin of a key by its distance from the maximum: never decreases as the key falls.
FLLM_DEVICE std::int32_t bin_of(const Row& row, std::int32_t key) {
  const float x = (from_ordered(key) - row.maximum) * row.scale;
  const float clamped = x > -41.0f ? x : -41.0f;
  const std::int32_t bin = static_cast<std::int32_t>(clamped * -50.0f);
  return bin < kBins ? bin : kBins - 1;
}

/// Fills the bins with the support's masses (or counts of ids) and returns their sum.
template <Cta C>
FLLM_DEVICE Mass fill_bins(const C& cta, SharedRow& shared, const Row& row, bool by_mass) {
  constexpr std::int32_t kPerLane = kGroupWidth / C::kWarpWidth;
  clear_bins(cta, shared, kBins);
  Mass sum = 0;
  for (std::int32_t t = cta.warp(); t < row.tiles.count; t += cta.warp_count()) {
    if (row.mass(shared.tile_key[t]) == 0) continue;
    const std::int32_t begin = t * row.tiles.width;
    for (std::int32_t base = begin; base < begin + row.tiles.width; base += kGroupWidth) {
      std::int32_t bin[kPerLane];
      Mass weight[kPerLane];
      for (std::int32_t i = 0; i < kPerLane; ++i) {  // apart from the additions, so that it vectorises
        const std::int32_t key = row.keys[base + cta.lane() + i * C::kWarpWidth];
        const Mass mass = row.mass(key);
        bin[i] = bin_of(row, key);
        weight[i] = by_mass ? mass : Mass{mass > 0};
        sum += weight[i];
      }
      for (std::int32_t i = 0; i < kPerLane; ++i) {
        if (weight[i] > 0) cta.atomic_add(&shared.bins[bin[i]], weight[i]);
      }
    }
  }
  return block_reduce(cta, shared.crossing.slots, sum, Sum{});  // a barrier too: all weights are added
}

/// The cut within the whole support, from filled bins: the goal falls into one of them, whose ids are listed and
/// selected from.
template <Cta C>
FLLM_DEVICE Cut select_from_bins(const C& cta, SharedRow& shared, const Row& row, Goal goal) {
  const Crossing crossing =
      find_crossing(cta, shared.crossing, kBins, goal.amount, [&](std::int32_t i) { return shared.bins[i]; });
  if (crossing.index < 0) return Cut{};
  const std::int32_t count = list_ids(
      cta, shared, row, [&](std::int32_t tile_key) { return bin_of(row, tile_key) <= crossing.index; },
      [&](std::int32_t key) { return bin_of(row, key) == crossing.index && row.mass(key) > 0; });
  return select_in_list(cta, shared, row, count, {goal.amount - crossing.before, goal.by_mass});
}

/// A lower bound of the count-th largest key: the count-th largest maximum of the tiles, where there are that many. Few
/// tiles hold anything above it.
template <Cta C>
FLLM_DEVICE std::int32_t count_bound(const C& cta, SharedRow& shared, const Row& row, std::int32_t count) {
  if (count > row.tiles.count) return kLowestFinite;
  const KeySelection selected = select_key(
      cta, shared, row.tiles.count, static_cast<Mass>(count), [&](std::int32_t t) { return shared.tile_key[t]; },
      [](std::int32_t) { return Mass{1}; });
  return selected.key > kLowestFinite ? selected.key : kLowestFinite;
}

}  // namespace fllm::sampling
