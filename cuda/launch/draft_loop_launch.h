// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cuda/kernels/commit_drafts.h"
#include "cuda/kernels/extend_drafts.h"
#include "cuda/kernels/propose_drafts.h"
#include "cuda/launch/check_automata.h"

namespace fllm {

/// What all kernels rely on, as far as the host can see it: that the rows' slots are among them, it cannot.
inline void check_draft_loop(const ParamsCheck& check, const DraftLoopParams& p) {
  const auto slots_given = [&](const char* name, const FeedSlots& slots) {
    check.given(name, slots.tokens != nullptr && slots.positions != nullptr && slots.sequences != nullptr, p.rows);
    check.at_least((std::string(name) + " filler_tokens").c_str(), slots.filler_tokens, 1);
  };
  check.at_least("rows", p.rows, 0);
  check.at_least("slots", p.slots, p.rows);
  check.at_least("drafts", p.drafts, 0);
  check.at_most("drafts", p.drafts, kMaxDraftTokens);
  check.given("states or drafting", p.states != nullptr && p.drafting != nullptr, p.rows);
  check.given("end_ids", p.end_ids != nullptr, p.rows);
  check.given("sampling", p.sampling != nullptr, p.rows);
  check.given("draft_ids or judged", p.draft_ids != nullptr && p.judged != nullptr, p.rows);
  slots_given("feed", p.feed);
  if (p.drafts > 0) {
    slots_given("draft_feed", p.draft_feed);
    check.given("draft_sampling", p.draft_sampling != nullptr, p.rows);
    check.at_least("drawing", p.drawing, 1);
  }
  check_automata(check, p.automata);
  check.given("automata forced_tokens or spelled_tokens",
              p.automata.forced_tokens != nullptr && p.automata.spelled_tokens != nullptr, p.automata.state_count);
}

template <class Executor>
void extend_draft_rows(Executor& executor, const DraftLoopParams& p) {
  const ParamsCheck check("extend_drafts");
  check_draft_loop(check, p);
  check.at_least("index", p.index, 1);
  check.at_most("index", p.index, p.drafts);
  check.given("drawn", p.drawn != nullptr, p.rows);
  executor.template launch<ExtendDrafts>(ExtendDrafts::shape(p), p);
}

template <class Executor>
void propose_draft_rows(Executor& executor, const DraftLoopParams& p) {
  const ParamsCheck check("propose_drafts");
  check_draft_loop(check, p);
  check.at_least("vocab", p.vocab, 1);
  check.at_least("mask_words", p.mask_words, p.allow_mask != nullptr ? (p.vocab + 31) / 32 : 0);
  check.given("texts", p.texts.tokens != nullptr, p.rows);
  check.at_least("texts capacity", p.texts.capacity, 1);
  check.at_most("texts capacity", p.texts.capacity, kMaxTextTokens);
  executor.template launch<ProposeDrafts>(ProposeDrafts::shape(p), p);
}

/// So are those of the ring.
template <class Executor>
void commit_draft_rows(Executor& executor, const DraftLoopParams& p) {
  const ParamsCheck check("commit_drafts");
  check_draft_loop(check, p);
  check.given("accepted_counts or tokens", p.accepted_counts != nullptr && p.tokens != nullptr, p.rows);
  check.given("details or proposed_details", p.details != nullptr && p.proposed_details != nullptr, p.rows);
  check.at_least("ring depth", p.ring.depth, 1);
  check.at_least("ring stride", p.ring.stride, p.slots);
  check.given("ring words or sums", p.ring.words != nullptr && p.ring.final_sums != nullptr && p.ring.sums != nullptr,
              p.rows);
  executor.template launch<CommitDrafts>(CommitDrafts::shape(p), p);
}

}  // namespace fllm
