// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/automaton_walk.h"
#include "cuda/kernels/commit_params.h"

// What a token does to the row it was drawn for.
namespace fllm {

FLLM_DEVICE bool among(const std::int32_t* ids, TableRange range, std::int32_t id) {
  bool found = false;
  for (std::int32_t i = range.begin; i < range.end; ++i) found = found || ids[i] == id;
  return found;
}

/// Whether a token is an end where a row stands. text: a state that exists, or -1. end_ids: flat, the row has a range of it.
FLLM_DEVICE bool is_end(const ByteAutomata& automata, const std::int32_t* end_ids, const RowSampling& sampling,
                        std::int32_t text, std::int32_t token) {
  const bool may_end = sampling.generated >= sampling.min_tokens && (flags_of(automata, text) & kStateSpells) == 0;
  return may_end && among(end_ids, sampling.end_ids, token);
}

/// A row's draws go on behind one more token. text: the state of the automata behind it; -1: the row keeps its mask row.
FLLM_DEVICE void go_on(const ByteAutomata& automata, RowSampling& sampling, std::int32_t text, const ResidentRow& row) {
  sampling.generated += 1;
  sampling.random.position += 1;
  if (text < 0) return;
  sampling.mask_row = automata.mask_rows[text];
  sampling.min_tokens = (flags_of(automata, text) & kStateFreesEnds) != 0 ? 0 : row.min_tokens;
}

/// What a row has come to with a token.
struct TakenToken {
  bool ends;   // the row has finished with it
  double sum;  // of log-probabilities, the token's too
};

/// Takes a drawn token, of a row that has not finished; negative: nothing was drawn.
FLLM_DEVICE TakenToken take_token(const ByteAutomata& automata, const std::int32_t* end_ids, ResidentRow& state,
                                  RowSampling& sampling, std::int32_t token, float raw_logprob) {
  bool ends = token < 0;
  double sum = state.sum_logprob;
  std::int32_t text = checked_state(automata, state.state);
  if (token >= 0) {
    sum += static_cast<double>(raw_logprob);
    state.sum_logprob = sum;
    const auto token_count = static_cast<std::int32_t>(sampling.random.position) + 1;
    ends = is_end(automata, end_ids, sampling, text, token) || token_count >= state.token_limit;
    if (!ends) {
      text = walk(automata, text, token).state;
      ends = (flags_of(automata, text) & kStateEnds) != 0;
    }
  }
  if (ends) {
    state.finished = 1;
  } else {
    state.state = text;
    go_on(automata, sampling, text, state);
  }
  return {ends, sum};
}

/// The slot of the ring behind one.
FLLM_DEVICE std::int32_t slot_after(const TokenRing& ring, std::int32_t slot) {
  return slot + 1 < ring.depth ? slot + 1 : 0;
}

}  // namespace fllm
