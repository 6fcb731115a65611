// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sample_params.h"
#include "cuda/primitives/block_reduce.h"

namespace fllm {

constexpr std::uint32_t kMaxOutputCount = 0x7fffffffu;

struct HistoryShared {
  std::int32_t slots[kMaxWarps];
};

/// Whether a slot exists; what lies outside the table has no history.
FLLM_DEVICE bool has_history(const HistoryTable& history, std::int32_t slot) {
  return slot >= 0 && slot < history.slot_count;
}

/// Entries of a slot, whatever memory says.
FLLM_DEVICE std::int32_t history_size(const HistoryTable& history, std::int32_t slot) {
  const std::int32_t size = history.sizes[slot];
  return size < 0 ? 0 : size < history.capacity ? size : history.capacity;
}

/// Counts an id in a slot's history, as a new entry where it is the first of its kind. False when there is no room for
/// one, and nothing changes. Called by a whole block with the same arguments, the slot existing and owned by this block; what
/// it wrote is visible behind the block's next barrier.
template <Cta C>
FLLM_DEVICE bool append_to_history(const C& cta, HistoryShared& shared, const HistoryTable& history, std::int32_t slot,
                                   std::int32_t id, bool output) {
  CountEntry* entries = history.entries + std::int64_t{slot} * history.capacity;
  const std::int32_t size = history_size(history, slot);
  std::int32_t place = size;
  for (std::int32_t i = cta.thread_index(); i < size; i += cta.thread_count()) {
    place = entries[i].id == id && i < place ? i : place;
  }
  place = block_reduce(cta, shared.slots, place, Minimum{});
  const bool room = place < history.capacity;
  if (cta.thread_index() == 0 && room) {
    CountEntry entry = place < size ? entries[place] : CountEntry{id, 0, 1};
    entry.repeated = 1;
    if (output && entry.output_count < kMaxOutputCount) entry.output_count = entry.output_count + 1;
    entries[place] = entry;
    if (place == size) history.sizes[slot] = size + 1;
  }
  return room;
}

}  // namespace fllm
