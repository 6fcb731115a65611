// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/drafts/feed_slots.h"
#include "cuda/kernels/take_token.h"

// How many drafts a row's next step has.
namespace fllm::drafts {

/// How many tokens follow a row's text one behind the other because its automaton allows no others, or knows what they spell, at
/// most `most`; an end is the last of them. From the first guess on all are guesses, as many as spelling has paid for.
FLLM_DEVICE DraftCounts known_run(const DraftLoopParams& p, std::int32_t row, std::int32_t most) {
  const TableRange ends = p.sampling[first_slot(p, row)].end_ids;
  const std::int32_t guesses = p.drafting[row].spelling.next();
  std::int32_t state = checked_state(p.automata, p.states[row].state);
  DraftCounts run;
  while (run.forced + run.spelled < most && state >= 0) {
    const std::int32_t token = expected_token(p.automata, state);
    const bool guessed = run.spelled > 0 || p.automata.forced_tokens[state] < 0;
    if (token < 0 || (guessed && run.spelled >= guesses)) break;
    ++(guessed ? run.spelled : run.forced);
    if ((flags_of(p.automata, state) & kStateSpells) == 0 && among(p.end_ids, ends, token)) break;
    state = walk(p.automata, state, token).state;
    if ((flags_of(p.automata, state) & kStateEnds) != 0) break;
  }
  return run;
}

/// What is forced, then guesses, spelled ones first. With all of them accepted the token behind them is the last one that the limit
/// allows; the draft model reads all but the last of its own.
FLLM_DEVICE void set_wanted(const DraftLoopParams& p, std::int32_t row, std::int32_t token_count) {
  DraftingRow& drafting = p.drafting[row];
  drafting.counts = {};
  drafting.wanted = 0;
  if (drafting.room == 0) return;
  std::int32_t room = p.states[row].token_limit - 1 - token_count;
  if (drafting.most > 0) {
    room = room < drafting.most ? room : drafting.most;
    drafting.counts = known_run(p, row, room);
    room -= drafting.counts.forced + drafting.counts.spelled;
  }
  const std::int32_t to_reach = drafting.reach + 1 - token_count;
  if (drafting.ngram == 0 && to_reach < room) room = to_reach;
  const std::int32_t next = drafting.length.next();
  drafting.wanted = drafting.counts.forced + drafting.counts.spelled + (room < 0 ? 0 : next < room ? next : room);
}

}  // namespace fllm::drafts
