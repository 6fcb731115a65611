// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/beam/pool.h"

// When a group's beams need not go on.
namespace fllm::beams {

/// The largest sum of a group's next live beams; -inf: none lives. Their sums are written.
template <Cta C>
FLLM_DEVICE float best_sum(const C& cta, SelectShared& shared, const SelectStep& s, std::int32_t first_slot) {
  std::int32_t best = kOrderedMinusInfinity;
  for (std::int32_t i = cta.thread_index(); i < s.group_width; i += cta.thread_count()) {
    const std::int32_t key = to_ordered(s.arrays.cums[first_slot + i] + 0.0f);
    best = key > best ? key : best;
  }
  return from_ordered(block_reduce(cta, shared.key_slots, best, Maximum{}));
}

/// Whether the rule ends a group whose best beam has a sum and whose share of the pool has so many hypotheses.
FLLM_DEVICE bool is_over(const SelectStep& s, std::int32_t first_slot, float best, std::int32_t count,
                         bool leader_ended) {
  const BeamRules& rules = s.search.rules;
  if (!(best > -infinity32())) return true;
  if (rules.stop == BeamStop::kLeader) return leader_ended && count >= rules.stop_count;
  if (rules.stop == BeamStop::kNeverEarly || count < s.group_width) return false;
  if (rules.stop == BeamStop::kFirstK) return true;
  const float worst = s.search.pool[first_slot + s.group_width - 1].score;
  const float* norms = s.p.length_norms + rules.first_norm;
  const std::int32_t length = s.step + 1;
  if (rules.stop == BeamStop::kHeuristic) return best / norms[length] <= worst;
  // Norms rise or fall throughout, and sums do not rise: the best it can score is at one end.
  const float soon = best / norms[length + 1];
  const float late = best / norms[rules.max_length];
  return (soon > late ? soon : late) <= worst;
}

}  // namespace fllm::beams
