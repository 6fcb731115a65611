// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "host/constraint/compile_budget.h"
#include "host/constraint/determinise.h"

namespace fllm {

/// Which states of an automaton are the same: those that accept the same texts.
struct StateBlocks {
  std::vector<std::int32_t> block_of;  // [states]; -1: accepts nothing
  std::int32_t block_count = 0;
};

/// Hopcroft's refinement over the transitions there are (Valmari: "Fast brief practical DFA minimization", Information
/// Processing Letters 2012): O(transitions * log(states)). Drops what cannot reach an accepting state.
[[nodiscard]] StateBlocks equal_states(const TransitionList& automaton, CompileBudget& budget);

}  // namespace fllm
