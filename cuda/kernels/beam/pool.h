// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/beam/take_candidates.h"

// The finished hypotheses of a group: the best of them, in order; of equal scores the one that came first.
namespace fllm::beams {

/// Scores as numbers in one order, NaN lowest.
FLLM_DEVICE std::int32_t score_key(float score) { return score == score ? to_ordered(score + 0.0f) : INT32_MIN; }

/// What a candidate that ends scores.
FLLM_DEVICE float score_of(const SelectStep& s, float cum) {
  return cum / s.p.length_norms[s.search.rules.first_norm + s.step + 1];
}

FLLM_DEVICE BeamHypothesis hypothesis_of(const SelectStep& s, std::int32_t rank) {
  const Taken candidate = taken_at(s, rank);
  const auto end = static_cast<BeamEnd>(s.arrays.kinds[rank]);
  const float cum = sum_of(s.search, candidate.parent) + candidate.logprob;
  return {score_of(s, cum), cum, candidate.logprob, candidate.token, candidate.parent, s.step + 1, end};
}

/// Hypotheses in a group's share of the pool.
template <Cta C>
FLLM_DEVICE std::int32_t pool_count(const C& cta, SelectShared& shared, const SelectStep& s, std::int32_t first_slot) {
  std::int32_t count = 0;
  for (std::int32_t i = cta.thread_index(); i < s.group_width; i += cta.thread_count()) {
    count += s.search.pool[first_slot + i].end != BeamEnd::kNone ? 1 : 0;
  }
  return block_reduce(cta, shared.slots, count, Sum{});
}

/// Before the first step: there are none.
template <Cta C>
FLLM_DEVICE void clear_pool(const C& cta, const SelectStep& s) {
  for (std::int32_t i = cta.thread_index(); i < s.search.rules.width; i += cta.thread_count()) s.search.pool[i] = {};
}

/// Enters the candidates of SelectArrays::entered into a group's share, which has `count` hypotheses. Every place is found by
/// counting what goes before.
template <Cta C>
FLLM_DEVICE void enter_pool(const C& cta, const SelectStep& s, std::int32_t first_slot, std::int32_t count,
                            std::int32_t entering) {
  BeamHypothesis* pool = s.search.pool + first_slot;
  for (std::int32_t i = cta.thread_index(); i < count; i += cta.thread_count()) s.arrays.scores[i] = pool[i].score;
  for (std::int32_t n = cta.thread_index(); n < entering; n += cta.thread_count()) {
    s.arrays.new_scores[n] = hypothesis_of(s, s.arrays.entered[n]).score;
  }
  cta.sync();  // all scores are there
  const float* scores = s.arrays.scores;
  const float* new_scores = s.arrays.new_scores;
  const std::int32_t tiles = (count + cta.thread_count() - 1) / cta.thread_count();
  for (std::int32_t tile = tiles - 1; tile >= 0; --tile) {  // entries only move back, so the last ones go first
    const std::int32_t i = tile * cta.thread_count() + cta.thread_index();
    std::int32_t place = i;
    BeamHypothesis entry;
    if (i < count) {
      entry = pool[i];
      for (std::int32_t n = 0; n < entering; ++n) place += score_key(new_scores[n]) > score_key(scores[i]) ? 1 : 0;
    }
    cta.sync();  // the tile is read before any of it is written
    if (i < count && place < s.group_width) pool[place] = entry;
  }
  for (std::int32_t n = cta.thread_index(); n < entering; n += cta.thread_count()) {
    std::int32_t place = 0;
    const std::int32_t key = score_key(new_scores[n]);
    for (std::int32_t i = 0; i < count; ++i) place += score_key(scores[i]) >= key ? 1 : 0;
    for (std::int32_t m = 0; m < entering; ++m) {
      const std::int32_t other = score_key(new_scores[m]);
      place += other > key || (other == key && m < n) ? 1 : 0;
    }
    if (place < s.group_width) pool[place] = hypothesis_of(s, s.arrays.entered[n]);
  }
}

}  // namespace fllm::beams
