// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/cta/cta_concept.h"
#include "cuda/kernels/beam_params.h"
#include "cuda/launch/launch_shape.h"
#include "cuda/primitives/block_reduce.h"

namespace fllm {

struct BeamLoopParams {
  const BeamSearch* searches = nullptr;  // [search_count]
  std::int32_t search_count = 0;
  std::int32_t max_steps = 1;     // of a run of the loop, whatever the searches say
  std::int32_t* steps = nullptr;  // [1] taken in this run; 0 before the first one
  unsigned long long condition = 0;
};

/// Decides whether a loop of a graph takes another step: a search is not over.
///
/// Grid: one block, which owns the counter and the loop's condition.
/// Bytes: reads 4 of each search.
/// Determinism: a maximum. Degenerate loops: without searches, or where one is never over, max_steps ends it.
/// Only a device has such loops: repeat_loop is found by its context (cuda/cta/graph_loop.h).
struct BeamLoopStep {
  using Params = BeamLoopParams;
  struct Shared {
    std::int32_t slots[kMaxWarps];
  };
  static LaunchShape shape(const Params&) { return {1, 128, 0}; }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared& shared, const Params& p) const {
    std::int32_t goes_on = 0;
    for (std::int32_t i = cta.thread_index(); i < p.search_count; i += cta.thread_count()) {
      goes_on |= p.searches[i].state.done == 0 ? 1 : 0;
    }
    goes_on = block_reduce(cta, shared.slots, goes_on, Maximum{});
    if (cta.thread_index() != 0) return;
    const std::int32_t steps = *p.steps + 1;
    const bool again = goes_on != 0 && steps < p.max_steps;
    *p.steps = again ? steps : 0;
    repeat_loop(cta, p.condition, again);
  }
};

}  // namespace fllm
