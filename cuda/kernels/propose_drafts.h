// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/cta/cta_concept.h"
#include "cuda/kernels/drafts/look_up.h"
#include "cuda/kernels/drafts/step_over.h"
#include "cuda/launch/launch_shape.h"

namespace fllm {

/// Drafts that no model draws, as many as a row wants: first those that its automaton forces or spells, up to an end; behind them
/// what it finds in its text, up to one that may not be drawn or would end the text. None comes behind one that makes it whole. The
/// other slots of such a row are cleared.
///
/// Grid: a block per row, which owns the row's slots. All threads search the text and copy histories; the first one goes from
/// draft to draft in between.
/// Bytes: 4 read for each token of the text, neighbours by neighbours; some 400 read and written for each draft, 5 read for each
/// of its bytes in a row with a state, and 8 read twice and written once for each id of a row's history.
/// Determinism: integers; one writer of each element.
/// Degenerate rows: one that neither looks up its text nor may be forced changes nothing; a finished one drafts nothing, and one
/// whose text has outgrown its room only what its automaton gives.
struct ProposeDrafts {
  using Params = DraftLoopParams;
  struct Shared {
    HistoryShared history;
    std::uint32_t matches[kMaxWarps];
    std::int32_t drafts[kMaxDraftTokens];
    std::int32_t first;  // slot of the row
    std::int32_t count;  // of drafts
    std::int32_t read;   // of these, such as the text goes on behind
  };
  static constexpr std::int32_t kThreads = 128;

  static LaunchShape shape(const Params& p) { return {p.rows, kThreads, 0}; }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared& shared, const Params& p) const {
    const std::int32_t row = cta.block_index();
    if (p.drafting[row].ngram <= 0 && p.drafting[row].most <= 0) return;  // the same for the whole block
    const std::int32_t wanted = wanted_drafts(p, row);
    if (cta.thread_index() == 0) force(p, row, wanted, shared);
    cta.sync();  // the text goes on with what the automaton gives
    drafts::Continuation ahead;
    if (has_room(shared, wanted)) ahead = look_up(cta, shared, p, row);
    if (cta.thread_index() == 0) {
      if (ahead.count > 0) guess(p, row, wanted, ahead, shared);
      p.judged[row].draft_count = shared.count;
    }
    cta.sync();  // the drafts are chosen
    const std::int32_t first = shared.first;
    for (std::int32_t i = 1 + cta.thread_index(); i <= p.drafting[row].room; i += cta.thread_count()) {
      p.draft_ids[first + i - 1] = i <= shared.count ? shared.drafts[i - 1] : -1;
      if (i > shared.read) drafts::clear_slot(p, first + i);
    }
    if (p.sampling[first].history_slot < 0) return;
    for (std::int32_t i = 1; i <= shared.read; ++i) {
      drafts::extend_history(cta, shared.history, p.history, first + i - 1, first + i, shared.drafts[i - 1]);
      cta.sync();  // the next one goes on from it
    }
  }

 private:
  static FLLM_DEVICE std::int32_t wanted_drafts(const Params& p, std::int32_t row) {
    const std::int32_t wanted = p.states[row].finished != 0 ? 0 : p.drafting[row].wanted;
    return wanted < p.drafting[row].room ? wanted : p.drafting[row].room;
  }

  /// What the text goes on with behind the drafts so far.
  template <Cta C>
  static FLLM_DEVICE drafts::Continuation look_up(const C& cta, Shared& shared, const Params& p, std::int32_t row) {
    const auto count = static_cast<std::int32_t>(p.sampling[shared.first].random.position) + shared.count;
    if (count < 0 || count > p.texts.capacity) return {};
    return drafts::look_up(cta, shared.matches, p.texts.tokens + std::int64_t{row} * p.texts.capacity, count,
                           p.drafting[row].ngram);
  }

  /// As many as CommitDrafts has found in the automaton; the text has them too, until what is drawn comes in their place.
  static FLLM_DEVICE void force(const Params& p, std::int32_t row, std::int32_t wanted, Shared& shared) {
    const DraftingRow& drafting = p.drafting[row];
    const std::int32_t known = drafting.counts.forced + drafting.counts.spelled, most = known < wanted ? known : wanted;
    shared.first = drafts::first_slot(p, row);
    shared.count = shared.read = 0;
    const auto place = static_cast<std::int32_t>(p.sampling[shared.first].random.position);
    while (has_room(shared, most)) {
      const std::int32_t draft = expected_token(p.automata, checked_state(p.automata, drafting.state));
      if (draft < 0 || draft >= p.vocab) break;
      drafts::append_to_text(p, row, place + shared.count, draft);
      add(p, row, draft, shared);
    }
  }

  /// One draft of the text behind the other, until there are `wanted`.
  static FLLM_DEVICE void guess(const Params& p, std::int32_t row, std::int32_t wanted,
                                const drafts::Continuation& ahead, Shared& shared) {
    const std::int32_t known = shared.count;
    while (has_room(shared, wanted)) {
      const std::int32_t draft = ahead.token(shared.count - known);
      if (!may_follow(p, p.sampling[shared.first + shared.count], p.drafting[row].state, draft)) break;
      add(p, row, draft, shared);
    }
  }

  /// Fewer than `most`, and the text goes on behind the last one.
  static FLLM_DEVICE bool has_room(const Shared& shared, std::int32_t most) {
    return shared.count < most && shared.read == shared.count;
  }

  static FLLM_DEVICE void add(const Params& p, std::int32_t row, std::int32_t draft, Shared& shared) {
    shared.drafts[shared.count++] = draft;
    shared.read += drafts::step_over(p, row, shared.first + shared.count, draft) ? 1 : 0;
  }

  /// Whether a token may be drawn that is no end, whether or not ends may come yet.
  static FLLM_DEVICE bool may_follow(const Params& p, const RowSampling& draw, std::int32_t state, std::int32_t token) {
    if (token < 0 || token >= p.vocab) return false;
    const bool spells = (flags_of(p.automata, checked_state(p.automata, state)) & kStateSpells) != 0;
    if (!spells && among(p.end_ids, draw.end_ids, token)) return false;
    if (draw.mask_row < 0 || p.allow_mask == nullptr) return true;
    return (p.allow_mask[draw.mask_row * p.mask_words + token / 32] >> (token % 32) & 1u) != 0;
  }
};

}  // namespace fllm
