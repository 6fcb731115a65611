// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "host/constraint/compile_budget.h"

namespace fllm::test {

/// Random languages are compiled a hundred times slower under the sanitizers, which learn all they can from a few small ones.
#if defined(FLLM_SANITIZED)
inline constexpr int kFewerLanguages = 60;
inline constexpr int kTreeDepth = 2;
#else
inline constexpr int kFewerLanguages = 1;
inline constexpr int kTreeDepth = 3;
#endif

/// The limits of the product, or there the same ones reached earlier: how far it is to them shows nothing.
inline CompileBudget budget(std::string name) {
  CompileLimits limits;
  limits.nfa_states /= kFewerLanguages;
  limits.dfa_states /= kFewerLanguages;
  limits.steps /= kFewerLanguages;
  return CompileBudget(std::move(name), limits);
}

}  // namespace fllm::test
