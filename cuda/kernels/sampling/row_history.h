// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row_notice.h"
#include "cuda/kernels/sampling/row_open.h"

// What is kept of a row's sequence between launches.
namespace fllm::sampling {

FLLM_DEVICE bool has_sequence(const SequenceTable& table, std::int32_t slot) {
  return slot >= 0 && slot < table.slot_count;
}

FLLM_DEVICE bool has_tokens(const SequenceTable& table, std::int32_t slot) {
  return has_sequence(table, slot) && table.tokens != nullptr;
}

/// Tokens of a slot that has them, whatever memory says.
FLLM_DEVICE std::int32_t sequence_length(const SequenceTable& table, std::int32_t slot) {
  const std::int32_t length = table.lengths[slot];
  return length < 0 ? 0 : length < table.capacity ? length : table.capacity;
}

FLLM_DEVICE float mirostat_tau(const RowFilters& f) { return within(f.mirostat_tau, 0.0f, 0x1.fffffep127f, 0.0f); }

/// Looks up which tokens of the row's sequence take part, and mirostat's mu, for the whole row. The first block alone reads
/// what it will write. A barrier of the row.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE void open_sequence(const C& cta, SharedRow& shared, Row<C, kIds>& row, const FilterParams& p,
                               const RowFilters& f) {
  const SequenceTable& table = p.sequences;
  Notice notice{};
  if (row.rank == 0 && cta.thread_index() < row.layout.blocks) {
    const bool has_mu = has_sequence(table, f.slot) && table.mirostat_mus != nullptr;
    const float kept = has_mu ? table.mirostat_mus[f.slot] : not_a_number32();
    const std::int32_t length = has_tokens(table, f.slot) ? sequence_length(table, f.slot) : 0;
    notice = {{static_cast<Mass>(length), bit_cast<std::uint32_t>(kept)}};
  }
  tell(cta, shared, row, notice);
  if (cta.thread_index() == 0) {
    const Notice& told = shared.notices[row.turn][0];
    const auto length = static_cast<std::int32_t>(told.word[0]);
    const auto kept = bit_cast<float>(static_cast<std::uint32_t>(told.word[1]));
    shared.sequence_begin = f.history_begin < 0 ? 0 : f.history_begin < length ? f.history_begin : length;
    shared.sequence_end = length;
    shared.mirostat_mu = kept == kept ? kept : 2.0f * mirostat_tau(f);
  }
  cta.sync();  // they are written
}

/// Writes mirostat's state, where a row has one. One thread, when no block reads it any more.
FLLM_DEVICE void keep_mu(const SequenceTable& table, const RowFilters& f, float mu) {
  const bool kept = f.mirostat_tau > 0.0f && table.mirostat_mus != nullptr && has_sequence(table, f.slot);
  if (kept) table.mirostat_mus[f.slot] = mu;
}

/// Appends a token. One thread, when no block reads the sequence any more. Returns kSampleFull or kSampleOk.
FLLM_DEVICE std::uint32_t append_to_sequence(const SequenceTable& table, std::int32_t slot, std::int32_t token) {
  if (!has_tokens(table, slot)) return kSampleOk;
  const std::int32_t length = sequence_length(table, slot);
  if (length == table.capacity) return kSampleFull;
  table.tokens[std::int64_t{slot} * table.capacity + length] = token;
  table.lengths[slot] = length + 1;
  return kSampleOk;
}

}  // namespace fllm::sampling
