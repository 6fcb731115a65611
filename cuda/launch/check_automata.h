// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/automaton_params.h"
#include "cuda/launch/check_params.h"

namespace fllm {

/// All tables are there, unless there is no state.
inline void check_automata(const ParamsCheck& check, const ByteAutomata& automata) {
  check.at_least("automata state_count", automata.state_count, 0);
  check.given("automata tables",
              automata.next != nullptr && automata.mask_rows != nullptr && automata.flags != nullptr &&
                  automata.bytes != nullptr && automata.offsets != nullptr,
              automata.state_count);
}

}  // namespace fllm
