// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/append_to_history.h"
#include "cuda/kernels/draft_loop_params.h"

// What the slots of a drafting step are filled with.
namespace fllm::drafts {

/// Of a row: behind what was drawn.
FLLM_DEVICE std::int32_t first_slot(const DraftLoopParams& p, std::int32_t row) {
  return p.judged[row].first_logit_row;
}

/// The model reads nothing of a row in a slot.
FLLM_DEVICE void clear_slot(const DraftLoopParams& p, std::int32_t slot) {
  feed_filler(p.feed, slot);
  p.sampling[slot] = idle_draw();
}

// Of the draft model's rows:

/// Draft number `next`, counted from 1, is drawn of a row as the model's draw in a slot is.
FLLM_DEVICE void open_draft(const DraftLoopParams& p, std::int32_t row, std::int32_t next, std::int32_t slot) {
  RowSampling draw = p.sampling[slot];
  // By the ratio rule the model's own draws are not to be foretold.
  if (p.judged[row].coupled == 0) draw.random.stream = RandomStream::kDraft;
  p.draft_sampling[(next - 1) * p.drawing + p.drafting[row].place] = draw;
}

/// It is not drawn.
FLLM_DEVICE void close_draft(const DraftLoopParams& p, std::int32_t row, std::int32_t next) {
  if (next <= p.drafts) p.draft_sampling[(next - 1) * p.drawing + p.drafting[row].place] = idle_draw();
}

/// The history of slot `to` becomes that of slot `from` with a token of the output more. Called by a whole block that owns both;
/// nothing happens where they are not there.
template <Cta C>
FLLM_DEVICE void extend_history(const C& cta, HistoryShared& shared, const HistoryTable& history, std::int32_t from,
                                std::int32_t to, std::int32_t token) {
  if (!has_history(history, from) || !has_history(history, to)) return;
  if (from != to) {
    const std::int32_t size = history_size(history, from);
    const CountEntry* source = history.entries + std::int64_t{from} * history.capacity;
    CountEntry* entries = history.entries + std::int64_t{to} * history.capacity;
    for (std::int32_t i = cta.thread_index(); i < size; i += cta.thread_count()) entries[i] = source[i];
    if (cta.thread_index() == 0) history.sizes[to] = size;
    cta.sync();  // the entries are there
  }
  append_to_history(cta, shared, history, to, token, true);
}

}  // namespace fllm::drafts
