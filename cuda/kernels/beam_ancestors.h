// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/append_to_history.h"
#include "cuda/kernels/beam/beam_row.h"
#include "cuda/launch/launch_shape.h"

namespace fllm {

/// Makes each beam's parent its past: the slots of earlier steps in which it was, and its counts of tokens.
///
/// Grid: kColumnBlocks blocks per search for the columns of its ancestors, which they take in turns, in place; then, where there
/// are histories, one block per row for its beam's counts, from the parent's half of the table to the other one.
/// Bytes: columns from BeamState::frozen on, K or 2 K each read and written; the parent's history read and written once. Columns
/// in front, in which all beams agree, cost nothing: so the number of tokens so far does not matter.
/// Determinism: copies, and integer counts.
/// Degenerate searches: one that is over is left alone; slots without a beam keep what they have, since the model computes
/// their last token again.
struct BeamAncestors {
  using Params = BeamParams;
  static constexpr std::int32_t kThreads = 128;
  static constexpr std::int32_t kColumnBlocks = 4;
  static constexpr std::int32_t kTile = 1024;  // slots taken at once: whole columns
  static_assert(kTile >= kMaxBeamWidth);
  union Shared {
    std::uint16_t tiles[2][kTile];  // used in turn
    HistoryShared history;
  };

  static LaunchShape shape(const Params& p) {
    return {p.search_count * kColumnBlocks + (p.history.entries != nullptr ? p.rows : 0), kThreads, 0};
  }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared& shared, const Params& p) const {
    const std::int32_t block = cta.block_index(), column_blocks = p.search_count * kColumnBlocks;
    if (block < column_blocks) {
      const BeamSearch& search = p.searches[block / kColumnBlocks];
      if (!goes_on(p, search)) return;  // the whole block
      if (search.rules.width <= kMaxSmallBeamWidth) {
        gather(cta, shared, search, static_cast<std::uint8_t*>(search.ancestors), block % kColumnBlocks);
      } else {
        gather(cta, shared, search, static_cast<std::uint16_t*>(search.ancestors), block % kColumnBlocks);
      }
    } else {
      inherit_counts(cta, shared.history, p, block - column_blocks);
    }
  }

 private:
  /// A search that has taken a step and will take another.
  FLLM_DEVICE static bool goes_on(const Params& p, const BeamSearch& search) {
    return beams::takes_step(p, search) && search.state.step > 0;
  }

  template <Cta C, class Slot>
  FLLM_DEVICE static void gather(const C& cta, Shared& shared, const BeamSearch& search, Slot* ancestors,
                                 std::int32_t part) {
    const std::int32_t width = search.rules.width, step = search.state.step - 1;
    const std::uint16_t* parents = search.parents + std::int64_t{step} * width;
    const std::int32_t columns = kTile / width;  // of a tile
    const std::int32_t frozen = search.state.frozen < 0 ? step : search.state.frozen;
    std::int32_t turn = 0;
    for (std::int32_t first = frozen + part * columns; first <= step; first += kColumnBlocks * columns) {
      const std::int32_t left = step + 1 - first, count = (left < columns ? left : columns) * width;
      Slot* const tile = ancestors + std::int64_t{first} * width;
      std::uint16_t(&taken)[kTile] = shared.tiles[turn];
      for (std::int32_t i = cta.thread_index(); i < count; i += cta.thread_count()) {
        const std::int32_t column = i / width, k = i - column * width, parent = parents[k];
        if (parent >= width) continue;  // no beam
        taken[i] = first + column == step ? static_cast<std::uint16_t>(k) : tile[column * width + parent];
      }
      cta.sync();  // the tile is read before any of it is written
      for (std::int32_t i = cta.thread_index(); i < count; i += cta.thread_count()) {
        if (parents[i % width] < width) tile[i] = static_cast<Slot>(taken[i]);
      }
      turn ^= 1;  // the other threads may still read this one
    }
  }

  template <Cta C>
  FLLM_DEVICE static void inherit_counts(const C& cta, HistoryShared& shared, const Params& p, std::int32_t row) {
    const std::int32_t index = p.row_searches[row];
    if (index < 0 || index >= p.search_count || !goes_on(p, p.searches[index])) return;  // the whole block
    const BeamSearch& search = p.searches[index];
    const std::int32_t slot = row - search.rules.first_row, step = search.state.step - 1, width = search.rules.width;
    if (slot < 0 || slot >= width) return;
    const std::int64_t at = std::int64_t{step} * width + slot;
    const std::int32_t parent = search.parents[at];
    if (parent >= width) return;
    const std::int32_t from = beams::history_slot_of(search.rules, step, parent);
    const std::int32_t to = beams::history_slot_of(search.rules, step + 1, slot);
    if (!has_history(p.history, from) || !has_history(p.history, to)) return;
    const std::int32_t size = history_size(p.history, from);
    const CountEntry* source = p.history.entries + std::int64_t{from} * p.history.capacity;
    CountEntry* target = p.history.entries + std::int64_t{to} * p.history.capacity;
    for (std::int32_t i = cta.thread_index(); i < size; i += cta.thread_count()) target[i] = source[i];
    if (cta.thread_index() == 0) p.history.sizes[to] = size;
    cta.sync();  // the parent's counts are there
    const std::int32_t token = search.tokens[at];
    if (token >= 0 && token < p.vocab) append_to_history(cta, shared, p.history, to, token, true);
  }
};

}  // namespace fllm
