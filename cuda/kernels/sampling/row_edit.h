// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/append_to_history.h"
#include "cuda/kernels/sampling/row_visit.h"

// Step 2 of sampling: bans, bias and penalties, in the normative order. Side tables are lists of ids; the blocks of a row
// share the entries of a list, whichever block's slice their ids lie in.
namespace fllm::sampling {

/// Applies edit(value, entry) to every entry of a list; id_of(entry) outside the vocabulary is passed over. Ids are distinct
/// or the edit is idempotent.
template <Cta C, std::int32_t kIds, class Entry, class IdOf, class Edit>
FLLM_DEVICE void edit_values(const C& cta, const Row<C, kIds>& row, const Entry* entries, TableRange range,
                             const IdOf& id_of, const Edit& edit) {
  if (range.begin >= range.end) return;  // the same for the whole cluster
  cta.cluster_sync();                    // values and earlier edits are there
  const std::int32_t threads = row.layout.blocks * cta.thread_count();
  for (std::int32_t i = range.begin + row.rank * cta.thread_count() + cta.thread_index(); i < range.end; i += threads) {
    const Entry entry = entries[i];
    const std::uint32_t id = static_cast<std::uint32_t>(id_of(entry)) - static_cast<std::uint32_t>(row.first_id);
    if (id >= static_cast<std::uint32_t>(row.vocab)) continue;  // smaller ids than the first too
    float& value = row.any(cta, static_cast<std::int32_t>(id));
    value = edit(value, entry);
  }
}

FLLM_DEVICE float penalised(const RowSampling& s, const CountEntry& entry, float value) {
  float l = value;
  const float r = s.repetition_penalty;
  if (entry.repeated != 0) l = l > 0.0f ? l / r : l * r;
  l = fma32(-s.frequency_penalty, static_cast<float>(entry.output_count), l);
  if (entry.output_count > 0) l = l - s.presence_penalty;
  return l;
}

/// Writes -inf where the mask has a 0, within the slice: for rows whose raw logits were wanted first.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE void forbid_masked(const C& cta, const Row<C, kIds>& row, const std::uint32_t* mask) {
  for (std::int32_t chunk = cta.warp(); chunk < row.layout.chunks; chunk += cta.warp_count()) {
    each_value(cta, row, chunk, [&](float, std::int32_t id) {
      if (id < row.vocab && ((mask[id / 32] >> (id % 32)) & 1u) == 0) row.own(id) = -infinity32();
    });
  }
}

/// Looks for the maxima of the parts again. The block's next barrier publishes them.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE void measure_parts(const C& cta, const Row<C, kIds>& row) {
  for (std::int32_t chunk = cta.warp(); chunk < row.layout.chunks; chunk += cta.warp_count()) {
    float best = -infinity32();
    if constexpr (Positions<C, kIds>::kSimt) {
      each_value(cta, row, chunk, [&](float value, std::int32_t) { best = max32(best, value); });
    } else {
      best = largest_of(row.values + chunk * row.layout.chunk_width, row.layout.chunk_width);
    }
    row.parts[row.part_of(cta, chunk)] = best;
  }
}

/// Whether any list of the row has an entry.
FLLM_DEVICE bool has_edits(const SampleParams& p, const RowSampling& s) {
  return s.bans.begin < s.bans.end || (s.generated < s.min_tokens && s.end_ids.begin < s.end_ids.end) ||
         s.bias.begin < s.bias.end ||
         (has_history(p.history, s.history_slot) ? history_size(p.history, s.history_slot) > 0
                                                 : s.counts.begin < s.counts.end);
}

/// The row's lists.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE void edit_row(const C& cta, const Row<C, kIds>& row, const SampleParams& p, const RowSampling& s) {
  const auto itself = [](std::int32_t id) { return id; };
  const auto forbid = [](float, std::int32_t) { return -infinity32(); };
  edit_values(cta, row, p.ban_ids, s.bans, itself, forbid);
  if (s.generated < s.min_tokens) edit_values(cta, row, p.ban_ids, s.end_ids, itself, forbid);
  edit_values(
      cta, row, p.bias, s.bias, [](const BiasEntry& entry) { return entry.id; },
      [](float value, const BiasEntry& entry) { return sanitised(value + entry.bias); });
  const bool kept_on_device = has_history(p.history, s.history_slot);
  const CountEntry* counts =
      kept_on_device ? p.history.entries + std::int64_t{s.history_slot} * p.history.capacity : p.counts;
  const TableRange range = kept_on_device ? TableRange{0, history_size(p.history, s.history_slot)} : s.counts;
  edit_values(
      cta, row, counts, range, [](const CountEntry& entry) { return entry.id; },
      [&](float value, const CountEntry& entry) { return penalised(s, entry, value); });
}

/// Edits the row that was loaded; masked: the mask's zeros are in it already. The parts' maxima are there afterwards.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE void edit_loaded(const C& cta, SharedRow& shared, const Row<C, kIds>& row, const SampleParams& p,
                             bool masked) {
  if (shared.has_edits != 0) edit_row(cta, row, p, shared.sampling());
  if (shared.has_edits != 0 || masked) {
    cta.cluster_sync();  // the edits of all blocks are done
    measure_parts(cta, row);
    cta.sync();  // the parts' maxima are there
  }
}

}  // namespace fllm::sampling
