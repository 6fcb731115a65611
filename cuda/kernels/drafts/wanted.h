// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/drafts/feed_slots.h"
#include "cuda/kernels/take_token.h"

// How many drafts a row's next step has.
namespace fllm::drafts {

/// How many tokens follow a row's text one behind the other because its automaton allows no others, at most `most`; an end is
/// the last of them.
FLLM_DEVICE std::int32_t forced_run(const DraftLoopParams& p, std::int32_t row, std::int32_t most) {
  const TableRange ends = p.sampling[first_slot(p, row)].end_ids;
  std::int32_t state = checked_state(p.automata, p.states[row].state);
  std::int32_t count = 0;
  while (count < most && state >= 0) {
    const std::int32_t token = p.automata.forced_tokens[state];
    if (token < 0) break;
    ++count;
    if ((flags_of(p.automata, state) & kStateSpells) == 0 && among(p.end_ids, ends, token)) break;
    state = walk(p.automata, state, token).state;
    if ((flags_of(p.automata, state) & kStateEnds) != 0) break;
  }
  return count;
}

/// What is forced, then guesses. With all of them accepted the token behind them is the last one that the limit allows; the draft
/// model reads all but the last of its own.
FLLM_DEVICE void set_wanted(const DraftLoopParams& p, std::int32_t row, std::int32_t token_count) {
  DraftingRow& drafting = p.drafting[row];
  drafting.wanted = drafting.forced = 0;
  if (drafting.room == 0) return;
  std::int32_t room = p.states[row].token_limit - 1 - token_count;
  if (drafting.most > 0) {
    room = room < drafting.most ? room : drafting.most;
    drafting.forced = forced_run(p, row, room);
    room -= drafting.forced;
  }
  const std::int32_t to_reach = drafting.reach + 1 - token_count;
  if (drafting.ngram == 0 && to_reach < room) room = to_reach;
  const std::int32_t next = drafting.length.next();
  drafting.wanted = drafting.forced + (room < 0 ? 0 : next < room ? next : room);
}

/// A step is over. What was forced was no guess.
FLLM_DEVICE void learn(DraftingRow& drafting, std::int32_t drafted, std::int32_t accepted) {
  const std::int32_t right = accepted - drafting.forced;
  drafting.length.took(drafted - drafting.forced, right > 0 ? right : 0);
}

}  // namespace fllm::drafts
