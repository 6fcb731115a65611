// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/automaton_params.h"
#include "cuda/portable/annotations.h"

// From state to state, whatever device memory holds.
namespace fllm {

/// A state that exists, or -1.
FLLM_DEVICE std::int32_t checked_state(const ByteAutomata& automata, std::int32_t state) {
  return state >= 0 && state < automata.state_count ? state : -1;
}

/// The flags of a state; of none, none.
FLLM_DEVICE std::uint32_t flags_of(const ByteAutomata& automata, std::int32_t state) {
  return state >= 0 ? automata.flags[state] : 0u;
}

/// What is drafted of a state's own; -1: nothing.
FLLM_DEVICE std::int32_t expected_token(const ByteAutomata& automata, std::int32_t state) {
  if (state < 0) return -1;
  const std::int32_t forced = automata.forced_tokens[state];
  return forced >= 0 ? forced : automata.spelled_tokens[state];
}

/// The state behind a token's bytes, -1 where there was none before, and the flags of the states on the way together.
struct Walked {
  std::int32_t state;
  std::uint32_t passed;
};
FLLM_DEVICE Walked walk(const ByteAutomata& automata, std::int32_t state, std::int32_t token) {
  Walked walked{state, 0};
  if (state < 0) return walked;
  for (std::int64_t i = automata.offsets[token]; i < automata.offsets[token + 1] && walked.state >= 0; ++i) {
    walked.state = checked_state(automata, automata.next[std::int64_t{walked.state} * 256 + automata.bytes[i]]);
    walked.passed |= flags_of(automata, walked.state);
  }
  return walked;
}

}  // namespace fllm
