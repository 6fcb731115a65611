// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/cta/cta_concept.h"
#include "cuda/kernels/drafts/feed_slots.h"
#include "cuda/kernels/drafts/look_up.h"
#include "cuda/kernels/drafts/wanted.h"
#include "cuda/kernels/take_token.h"
#include "cuda/launch/launch_shape.h"

namespace fllm {

/// Takes what a drafting step has come to: the accepted drafts of each row and the token behind them, up to one that ends it; what
/// both models read next, how many drafts the row wants then, the text that it may look up, and the news for the host.
///
/// Grid: a block per row, which owns the row's state, slots and words. Its first thread takes the tokens one after the other, all
/// copy the history.
/// Bytes: some 600 read and written per row; for each token 44, and of a row with a state 5 for each of its bytes; 8 read twice
/// and written once for each id of a row's history; 4 to the host for each token, and 8 more when the row finishes.
/// Determinism: integers, and one binary64 addition per token in the order of the text.
/// Degenerate rows: a finished row changes nothing but its slot of the ring and tells the host so; a row without a token finishes,
/// and so does one that wants more drafts than it has room for: the host goes on with it where it has more.
struct CommitDrafts {
  using Params = DraftLoopParams;
  struct Shared {
    HistoryShared history;
    std::int32_t token;     // the last one; -1: the row does not go on
    std::int32_t accepted;  // drafts before it
  };
  static constexpr std::int32_t kThreads = 128;

  static LaunchShape shape(const Params& p) { return {p.rows, kThreads, 0}; }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared& shared, const Params& p) const {
    const std::int32_t row = cta.block_index();
    const std::int32_t first = drafts::first_slot(p, row);
    if (cta.thread_index() == 0) {
      shared.token = -1;
      ResidentRow& state = p.states[row];
      const std::int64_t word = std::int64_t{state.slot} * p.ring.stride + first;
      state.slot = slot_after(p.ring, state.slot);
      if (state.finished != 0) {
        cta.publish(p.ring.words + word, kIdleWord);
      } else {
        shared.accepted = accepted_count(p, row);
        shared.token = take_all(cta, p, row, word, shared.accepted);
        if (shared.token < 0 || !open_step(p, row, shared.token, shared.accepted)) {
          close_row(p, row);
          shared.token = -1;
        }
      }
    }
    cta.sync();                    // it is decided
    if (shared.token < 0) return;  // the same for the whole block
    const bool has_history = p.sampling[first].history_slot >= 0;
    drafts::extend_history(cta, shared.history, p.history, has_history ? first + shared.accepted : -1, first,
                           shared.token);
  }

 private:
  /// Whatever memory says.
  static FLLM_DEVICE std::int32_t accepted_count(const Params& p, std::int32_t row) {
    const std::int32_t accepted = p.accepted_counts[row], drafted = p.judged[row].draft_count;
    return accepted < 0 ? 0 : accepted < drafted ? accepted : drafted;
  }

  /// The last token of a row that goes on; -1: it has finished.
  template <Cta C>
  static FLLM_DEVICE std::int32_t take_all(const C& cta, const Params& p, std::int32_t row, std::int64_t word,
                                           std::int32_t accepted) {
    ResidentRow& state = p.states[row];
    const std::int32_t first = drafts::first_slot(p, row), drafted = p.judged[row].draft_count;
    RowSampling sampling = p.sampling[first];
    std::int32_t token = -1;
    bool ends = false;
    for (std::int32_t i = 0; i <= accepted && !ends; ++i) {
      const std::int32_t place = static_cast<std::int32_t>(sampling.random.position);
      const SampleDetail& detail = i < accepted ? p.proposed_details[first + i] : p.details[row];
      token = i < accepted ? p.draft_ids[first + i] : p.tokens[row];
      const TakenToken taken = take_token(p.automata, p.end_ids, state, sampling, token, detail.raw_logprob);
      ends = taken.ends;
      if (!ends) drafts::append_to_text(p, row, place, token);
      p.ring.sums[word + i] = taken.sum;
      if (ends) p.ring.final_sums[row] = taken.sum;
      cta.publish(p.ring.words + word + i, token_word(token, ends, drafted, accepted));  // behind the final sum
    }
    p.sampling[first] = sampling;
    return ends ? -1 : token;
  }

  /// The next step of a row begins behind its last token. Since nothing was open behind its last draft, its first slot of the
  /// draft model is a filler until then. False: it wants more drafts than it has room for.
  static FLLM_DEVICE bool open_step(const Params& p, std::int32_t row, std::int32_t token, std::int32_t accepted) {
    const std::int32_t first = drafts::first_slot(p, row);
    const std::int32_t before = accepted > 0 ? p.draft_ids[first + accepted - 1] : p.feed.tokens[first];
    const auto token_count = static_cast<std::int32_t>(p.sampling[first].random.position);
    const std::int32_t position = token_count - 1;
    DraftingRow& drafting = p.drafting[row];
    learn(drafting.spelling, drafting.length, drafting.counts, p.judged[row].draft_count, accepted, drafting.ngram > 0);
    drafts::set_wanted(p, row, token_count);
    if (drafting.wanted > drafting.room) {
      p.ring.final_sums[row] = p.states[row].sum_logprob;
      return false;
    }
    drafts::feed(p.feed, first, token, position, row);
    drafting.open = drafting.wanted > 0 && drafting.place >= 0 ? 1 : 0;
    drafting.state = p.states[row].state;
    p.judged[row].draft_count = 0;
    if (drafting.place < 0) return true;
    if (drafting.open != 0) {
      drafts::open_draft(p, row, 1, first);
    } else {
      drafts::close_draft(p, row, 1);
    }
    if (position < drafting.reach) {
      drafts::feed(p.draft_feed, drafting.place, token, position, row);
      drafts::feed(p.draft_feed, p.drawing + drafting.place, before, position - 1, row);
    } else {
      drafts::feed_filler(p.draft_feed, p.drawing + drafting.place);
    }
    return true;
  }

  /// It has finished, or waits for the host.
  static FLLM_DEVICE void close_row(const Params& p, std::int32_t row) {
    p.states[row].finished = 1;
    drafts::clear_slot(p, drafts::first_slot(p, row));
    p.judged[row].draft_count = 0;
    if (p.drafting[row].place < 0) return;
    drafts::close_draft(p, row, 1);
    drafts::feed_filler(p.draft_feed, p.drawing + p.drafting[row].place);
  }
};

}  // namespace fllm
