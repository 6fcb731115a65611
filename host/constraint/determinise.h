// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "host/constraint/compile_budget.h"
#include "host/constraint/nfa.h"

namespace fllm {

/// An automaton as a list of its transitions; a missing one leads nowhere.
struct TransitionList {
  struct Transition {
    std::int32_t from = 0, to = 0;
    std::uint8_t byte_class = 0;
  };
  std::array<std::uint8_t, 256> class_of{};
  std::int32_t class_count = 1;
  std::int32_t state_count = 1;  // state 0 is the start
  std::vector<std::uint8_t> accepting;
  std::vector<Transition> transitions;
};

/// The subset construction. Exception(kInvalidArgument): a limit of the budget.
[[nodiscard]] TransitionList determinise(const Nfa& nfa, CompileBudget& budget);

}  // namespace fllm
