// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/beam/select_memory.h"

// What is the same for all beams: their ancestors at the start, and the tokens that the result must begin with.
namespace fllm::beams {

/// How far a condition on columns holds from `first` on, up to `end`: holds(column, k) for all k in [0, K).
template <Cta C, class Holds>
FLLM_DEVICE std::int32_t columns_while(const C& cta, SelectShared& shared, const SelectStep& s, std::int32_t first,
                                       std::int32_t end, const Holds& holds) {
  for (std::int32_t column = first < 0 ? 0 : first; column < end; ++column) {
    std::int32_t differs = 0;
    for (std::int32_t k = cta.thread_index(); k < s.search.rules.width; k += cta.thread_count()) {
      differs |= holds(column, k) ? 0 : 1;
    }
    differs = block_reduce(cta, shared.slots, differs, Maximum{});
    cta.sync();  // the slots have been read
    if (differs != 0) return column;
  }
  return end;
}

/// Columns in which the ancestors of all slots agree: they will never change. While a slot is empty nothing is added, since
/// whoever takes it needs its columns.
template <Cta C>
FLLM_DEVICE std::int32_t frozen_columns(const C& cta, SelectShared& shared, const SelectStep& s) {
  const std::int32_t frozen = s.search.state.frozen;
  if (s.search.state.live_count != s.search.rules.width) return frozen;
  return columns_while(cta, shared, s, frozen, s.step, [&](std::int32_t column, std::int32_t k) {
    return ancestor_of(s.search, column, k) == ancestor_of(s.search, column, 0);
  });
}

/// Token of a column of the next live beam k, whose parent and token are written.
FLLM_DEVICE std::int32_t token_of_next(const SelectStep& s, std::int32_t column, std::int32_t k) {
  const std::int64_t width = s.search.rules.width;
  if (column == s.step) return s.search.tokens[column * width + k];
  return s.search.tokens[column * width + ancestor_of(s.search, column, s.search.parents[s.step * width + k])];
}

/// First tokens that all next live beams have in common, of which `lead` is one: at least those that are known.
template <Cta C>
FLLM_DEVICE std::int32_t agreed_tokens(const C& cta, SelectShared& shared, const SelectStep& s, std::int32_t known,
                                       std::int32_t lead) {
  return columns_while(cta, shared, s, known, s.step + 1, [&](std::int32_t column, std::int32_t k) {
    if (!(s.arrays.cums[k] > -infinity32())) return true;
    return token_of_next(s, column, k) == token_of_next(s, column, lead);
  });
}

/// Tokens of a hypothesis: those there can be by now, whatever memory says.
FLLM_DEVICE std::int32_t length_of(const SelectStep& s, const BeamHypothesis& hypothesis) {
  return hypothesis.length < s.step + 1 ? hypothesis.length : s.step + 1;
}

/// Calls f(column, token) for the tokens of a hypothesis from its last one down to column `first`.
template <class F>
FLLM_DEVICE void each_token_back(const SelectStep& s, const BeamHypothesis& hypothesis, std::int32_t first,
                                 const F& f) {
  const BeamSearch& search = s.search;
  const std::int32_t width = search.rules.width;
  std::int32_t token = hypothesis.token, slot = hypothesis.beam;
  for (std::int32_t column = length_of(s, hypothesis) - 1; column >= first; --column) {
    f(column, token);
    if (column == 0 || slot < 0 || slot >= width) return;
    const std::int64_t at = std::int64_t{column - 1} * width + slot;
    token = search.tokens[at];
    slot = search.parents[at];
  }
}

/// The best hypothesis of all groups; of equal ones the earlier group's. Null: there is none.
FLLM_DEVICE const BeamHypothesis* best_hypothesis(const SelectStep& s) {
  const BeamHypothesis* best = nullptr;
  for (std::int32_t slot = 0; slot < s.search.rules.width; slot += s.group_width) {
    const BeamHypothesis& first = s.search.pool[slot];
    if (first.end != BeamEnd::kNone && (best == nullptr || first.score > best->score)) best = &first;
  }
  return best;
}

/// How many of the result's first tokens are known, once the step is taken; they are written where the host sees them. One
/// thread. agreed: of all live beams, `lead` being one; none lives when the search is done.
FLLM_DEVICE std::int32_t prove_tokens(const SelectStep& s, std::int32_t agreed, std::int32_t lead, bool done) {
  const BeamSearch& search = s.search;
  std::int32_t* const out = search.proven_tokens;
  const std::int32_t proven = search.state.proven < 0 ? 0 : search.state.proven;
  const BeamHypothesis* best = best_hypothesis(s);
  if (done) {
    if (best == nullptr) return proven;
    each_token_back(s, *best, proven, [&](std::int32_t column, std::int32_t token) {
      if (out != nullptr) out[column] = token;
    });
    const std::int32_t length = length_of(s, *best);
    return length > proven ? length : proven;
  }
  std::int32_t limit = agreed;
  if (best != nullptr) {
    // It differs from what the live beams had in common before, or has ended there: so it does from what they have now. Not
    // so one that has just ended, which was one of them.
    if (proven < search.state.agreed && best->length != s.step + 1) return proven;
    limit = length_of(s, *best) < agreed ? length_of(s, *best) : agreed;
    each_token_back(s, *best, proven, [&](std::int32_t column, std::int32_t token) {
      if (column < limit && token != token_of_next(s, column, lead)) limit = column;
    });
  }
  for (std::int32_t column = proven; column < limit && out != nullptr; ++column) {
    out[column] = token_of_next(s, column, lead);
  }
  return limit > proven ? limit : proven;
}

}  // namespace fllm::beams
