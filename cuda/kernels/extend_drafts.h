// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/cta/cta_concept.h"
#include "cuda/kernels/drafts/step_over.h"
#include "cuda/launch/launch_shape.h"

namespace fllm {

/// Takes the draft that was just drawn for each row: the model reads it behind those before it, and what it and the draft model
/// may draw there depends on it. A row without one, or behind a draft that ends its text, reads and draws nothing more in this
/// step.
///
/// Grid: a block per row, which owns the row's slots. Its first thread decides; all copy the history.
/// Bytes: some 500 read and written per row, 5 read for each byte of the token of a row with a state, and 8 read twice and
/// written once for each id of a row's history.
/// Determinism: integers; one writer of each element.
/// Degenerate rows: a row that has finished, drafts no more or was given no token has fillers; one without room for the draft, or
/// none of the draft model's, changes nothing; a state that is none there is, or leads to none, keeps the mask row.
struct ExtendDrafts {
  using Params = DraftLoopParams;
  struct Shared {
    HistoryShared history;
    std::int32_t token;  // what the history of the row's slot grows by; -1: nothing
  };
  static constexpr std::int32_t kThreads = 128;

  static LaunchShape shape(const Params& p) { return {p.rows, kThreads, 0}; }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared& shared, const Params& p) const {
    const std::int32_t row = cta.block_index(), slot = drafts::first_slot(p, row) + p.index;
    if (p.drafting[row].place < 0 || p.index > p.drafting[row].room) return;  // the same for the whole block
    if (cta.thread_index() == 0) shared.token = take(p, row, slot);
    cta.sync();                    // it is decided
    if (shared.token < 0) return;  // the same for the whole block
    drafts::extend_history(cta, shared.history, p.history, p.sampling[slot].history_slot < 0 ? -1 : slot - 1, slot,
                           shared.token);
  }

 private:
  /// The draft, where the row goes on behind it.
  static FLLM_DEVICE std::int32_t take(const Params& p, std::int32_t row, std::int32_t slot) {
    DraftingRow& drafting = p.drafting[row];
    const std::int32_t token = drafting.open != 0 ? p.drawn[(p.index - 1) * p.drawing + drafting.place] : -1;
    p.draft_ids[slot - 1] = token >= 0 ? token : -1;
    bool goes_on = false;
    if (token >= 0) {
      p.judged[row].draft_count = p.index;
      goes_on = drafts::step_over(p, row, slot, token);
    }
    drafting.open = goes_on && p.index < drafting.wanted ? 1 : 0;
    if (!goes_on) drafts::clear_slot(p, slot);
    if (drafting.open != 0) {
      drafts::open_draft(p, row, p.index + 1, slot);
      drafts::feed(p.draft_feed, drafting.place, token, p.feed.positions[slot], row);
    } else {
      drafts::close_draft(p, row, p.index + 1);
      drafts::feed_filler(p.draft_feed, drafting.place);
    }
    return goes_on ? token : -1;
  }
};

}  // namespace fllm
