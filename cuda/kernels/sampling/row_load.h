// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row.h"

// Steps 1 and 2 of sampling: raw logits to edited keys.
namespace fllm::sampling {

/// A raw logit as the row sees it: NaN is -inf, -0 is +0.
FLLM_DEVICE float sanitised(float logit) { return logit == logit ? logit + 0.0f : -infinity32(); }

struct RawSummary {
  std::int32_t maximum_key;  // of the sanitised unedited logits
  bool has_nan;
};

/// Writes the keys of one tile: sanitised, forbidden where the mask says so. One warp.
template <Cta C, class LogitT>
FLLM_DEVICE void load_tile(const C& cta, const Row& row, std::int32_t tile, const LogitT* logits,
                           const std::uint32_t* mask, RawSummary& summary) {
  const std::int32_t begin = tile * row.tiles.width;
  std::int32_t nan_count = 0;
  for (std::int32_t base = begin; base < begin + row.tiles.width; base += kGroupWidth) {
    std::int32_t* keys = row.keys + base;
    if (base + kGroupWidth <= row.vocab) {
      const std::uint32_t allowed = mask != nullptr ? mask[base / kGroupWidth] : ~0u;
      for (std::int32_t j = cta.lane(); j < kGroupWidth; j += C::kWarpWidth) {
        const float raw = to_float(logits[base + j]);
        const std::int32_t key = to_ordered(sanitised(raw));
        nan_count += raw == raw ? 0 : 1;
        summary.maximum_key = key > summary.maximum_key ? key : summary.maximum_key;
        keys[j] = ((allowed >> j) & 1u) != 0 ? key : kOrderedMinusInfinity;
      }
    } else {  // the row ends in this group
      for (std::int32_t j = cta.lane(); j < kGroupWidth; j += C::kWarpWidth) {
        std::int32_t key = kOrderedMinusInfinity;
        if (base + j < row.vocab) {
          const float raw = to_float(logits[base + j]);
          key = to_ordered(sanitised(raw));
          nan_count += raw == raw ? 0 : 1;
          summary.maximum_key = key > summary.maximum_key ? key : summary.maximum_key;
          if (mask != nullptr && ((mask[base / kGroupWidth] >> j) & 1u) == 0) key = kOrderedMinusInfinity;
        }
        keys[j] = key;
      }
    }
  }
  if (nan_count > 0) summary.has_nan = true;
}

/// Applies edit to every entry of a side table. Ids are distinct or the edit is idempotent.
template <Cta C, class Entry, class Edit>
FLLM_DEVICE void edit_keys(const C& cta, const Entry* entries, TableRange range, const Edit& edit) {
  if (range.begin >= range.end) return;  // the same for the whole block
  for (std::int32_t i = range.begin + cta.thread_index(); i < range.end; i += cta.thread_count()) edit(entries[i]);
  cta.sync();  // the next table edits the same keys
}

/// Bans, bias and penalties, in the normative order.
template <Cta C>
FLLM_DEVICE void edit_row(const C& cta, const Row& row, const SampleParams& p, const RowSampling& sampling) {
  const auto forbid = [&](std::int32_t id) { row.keys[id] = kOrderedMinusInfinity; };
  edit_keys(cta, p.ban_ids, sampling.bans, forbid);
  if (sampling.generated < sampling.min_tokens) edit_keys(cta, p.ban_ids, sampling.end_ids, forbid);
  edit_keys(cta, p.bias, sampling.bias, [&](const BiasEntry& entry) {
    row.keys[entry.id] = to_ordered((from_ordered(row.keys[entry.id]) + entry.bias) + 0.0f);
  });
  edit_keys(cta, p.counts, sampling.counts, [&](const CountEntry& entry) {
    float l = from_ordered(row.keys[entry.id]);
    const float r = sampling.repetition_penalty;
    if (entry.repeated != 0) l = l > 0.0f ? l / r : l * r;
    l = fma32(-sampling.frequency_penalty, static_cast<float>(entry.output_count), l);
    if (entry.output_count > 0) l = l - sampling.presence_penalty;
    row.keys[entry.id] = to_ordered(l + 0.0f);
  });
}

template <Cta C>
FLLM_DEVICE std::int32_t tile_maximum(const C& cta, const Row& row, std::int32_t tile) {
  const std::int32_t* keys = row.keys + tile * row.tiles.width;
  std::int32_t best = kOrderedMinusInfinity;
  for (std::int32_t i = cta.lane(); i < row.tiles.width; i += C::kWarpWidth) best = keys[i] > best ? keys[i] : best;
  return warp_reduce(cta, best, Maximum{});
}

/// Loads and edits the row and fills shared.tile_key.
template <Cta C, class LogitT>
FLLM_DEVICE RawSummary load_row(const C& cta, SharedRow& shared, const Row& row, const SampleParams& p,
                                const RowSampling& sampling) {
  const std::int64_t index = cta.block_index();
  const LogitT* logits = static_cast<const LogitT*>(p.logits) + index * p.stride;
  const std::uint32_t* mask = sampling.mask_row >= 0 ? p.allow_mask + sampling.mask_row * p.mask_words : nullptr;
  RawSummary summary{kOrderedMinusInfinity, false};
  for (std::int32_t t = cta.warp(); t < row.tiles.count; t += cta.warp_count()) {
    load_tile(cta, row, t, logits, mask, summary);
  }
  cta.sync();  // edits reach keys of other threads
  edit_row(cta, row, p, sampling);
  for (std::int32_t t = cta.warp(); t < row.tiles.count; t += cta.warp_count()) {
    const std::int32_t key = tile_maximum(cta, row, t);
    if (cta.lane() == 0) shared.tile_key[t] = key;
  }
  summary.has_nan = block_reduce(cta, shared.slots, summary.has_nan ? 1 : 0, Maximum{}) != 0;
  summary.maximum_key = block_reduce(cta, shared.slots, summary.maximum_key, Maximum{});
  return summary;  // the reductions are barriers too: tile_key is there for everyone
}

/// Lowest id whose key is the row's maximum. Precondition: some key is.
template <Cta C>
FLLM_DEVICE std::int32_t first_of_maximum(const C& cta, SharedRow& shared, const Row& row, std::int32_t maximum_key) {
  std::int32_t tile = INT32_MAX;
  for (std::int32_t t = cta.thread_index(); t < row.tiles.count; t += cta.thread_count()) {
    if (shared.tile_key[t] == maximum_key && t < tile) tile = t;
  }
  tile = block_reduce(cta, shared.slots, tile, Minimum{});
  std::int32_t id = INT32_MAX;
  const std::int32_t begin = tile * row.tiles.width;
  for (std::int32_t i = begin + cta.thread_index(); i < begin + row.tiles.width; i += cta.thread_count()) {
    if (row.keys[i] == maximum_key && i < id) id = i;
  }
  return block_reduce(cta, shared.slots, id, Minimum{});
}

}  // namespace fllm::sampling
