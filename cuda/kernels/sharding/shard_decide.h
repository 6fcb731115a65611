// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row_bins.h"
#include "cuda/kernels/sampling/row_select.h"
#include "cuda/kernels/sharding/shard_lists.h"

// What follows from the words of all ranks. Every block of every rank comes to the same.
namespace fllm::sharding {

/// Goes on to the search for the end of top-k or of top-p.
FLLM_DEVICE ShardState look_for_cut(ShardState state, bool by_mass, Mass goal) {
  state.stage = ShardStage::kDigits;
  state.by_mass = by_mass ? 1 : 0;
  state.rest = goal;
  state.digits = 0;
  state.prefix = 0;
  return state;
}

/// Goes on when what is kept is known to end at `low`.
FLLM_DEVICE ShardState keep_to(ShardState state, float low) {
  state.stage = ShardStage::kMasses;
  state.cut = low;
  state.cut_ties = INT32_MAX;
  return state;
}

template <Cta C>
FLLM_DEVICE ShardState after_first(const C& cta, SharedRow& shared, const ShardParams& p, const Mass* words,
                                   ShardState state) {
  const RowSampling& s = shared.sampling();
  Mass first = 0;
  for (std::int32_t rank = 0; rank < p.ranks; ++rank) first = words[rank] > first ? words[rank] : first;
  state.status = words[p.ranks] > 0 ? kSampleNan : kSampleOk;
  state.stage = ShardStage::kDone;
  if (first == 0) {
    state.status |= kSampleEmpty;
    state.token = s.fallback_id;
    return state;
  }
  state.maximum = sampling::code_value(word_code(first));
  state.token = sampling::code_id(word_code(first));
  if (state.maximum == infinity32()) state.status |= kSampleInf;
  if (state.maximum == infinity32() || sampling::is_greedy(s)) return state;
  if (is_listed(p, s)) {
    state.token = draw_from_lists(cta, shared, p, words, state.maximum);
    return state;
  }
  const MassFunction mass_of{state.maximum, mass_scale(s.temperature)};
  state.low = sampling::support_floor(cta, shared, mass_of, s.min_mass > 0 ? s.min_mass : 1);
  if (sampling::has_top_k(s, p.vocab)) return look_for_cut(state, false, static_cast<Mass>(s.top_k));
  return s.top_p_on != 0 ? look_for_cut(state, true, 0) : keep_to(state, state.low);
}

template <Cta C>
FLLM_DEVICE ShardState after_digits(const C& cta, SharedRow& shared, const Mass* words, ShardState state) {
  const RowSampling& s = shared.sampling();
  if (state.rest == 0) {  // top-p alone
    Mass sum = 0;
    for (std::int32_t i = cta.thread_index(); i < kShardBins; i += cta.thread_count()) sum += words[i];
    state.rest = top_p_target(s.top_p, block_reduce(cta, shared.list_slots, sum, Sum{}));
  }
  const Crossing crossing =
      find_crossing(cta, shared.crossing, kShardBins, state.rest, [&](std::int32_t i) { return words[i]; });
  if (crossing.index < 0) {  // top-k wants more than min-p leaves
    return s.top_p_on != 0 ? look_for_cut(state, true, 0) : keep_to(state, state.low);
  }
  state.rest -= crossing.before;
  state.digits += 1;
  const std::int32_t bits = state.digits < kShardDigits ? kShardDigitBits : 32 - (kShardDigits - 1) * kShardDigitBits;
  state.prefix = state.prefix << bits | static_cast<std::uint32_t>(crossing.index);
  if (state.digits < kShardDigits) return state;
  const float cut = sampling::from_key_word(~state.prefix);
  const Mass each = state.by_mass != 0 ? mass_of(state, s)(cut) : Mass{1};  // > 0: it made the goal
  state = keep_to(state, cut);
  state.cut_ties = static_cast<std::int32_t>((state.rest + each - 1) / each);
  return state;
}

FLLM_DEVICE ShardState after_masses(const SharedRow& shared, const RowSampling& s, const ShardParams& p,
                                    const Mass* words, ShardState state) {
  const Mass each = mass_of(state, s)(state.cut);
  std::int32_t left = state.cut_ties;
  Mass total = 0;
  // Of ids with the same value the lower ones are kept, and those are the lower ranks'.
  const auto take = [&](std::int32_t rank, std::int32_t& ties) {
    const Mass there = words[2 * rank];
    ties = there < static_cast<Mass>(left) ? static_cast<std::int32_t>(there) : left;
    left -= ties;
    return words[2 * rank + 1] + static_cast<Mass>(ties) * each;
  };
  std::int32_t ties = 0;
  for (std::int32_t rank = 0; rank < p.ranks; ++rank) total += take(rank, ties);
  if (state.by_mass == 0 && state.digits == kShardDigits && s.top_p_on != 0) {
    state.low = state.cut;  // what top-p keeps is a prefix of what top-k keeps
    return look_for_cut(state, true, top_p_target(s.top_p, total));
  }
  Mass goal = multiply_high(shared.bits, total) + 1;
  left = state.cut_ties;
  for (std::int32_t rank = 0; rank < p.ranks; ++rank) {
    const Mass mass = take(rank, ties);
    if (goal <= mass) {
      state.owner = rank;
      break;
    }
    goal -= mass;
  }
  state.cut_ties = ties;
  state.rest = goal;
  state.stage = ShardStage::kToken;
  return state;
}

/// The state behind an exchange. words: the row's, of all ranks.
template <Cta C>
FLLM_DEVICE ShardState decide(const C& cta, SharedRow& shared, const ShardParams& p, const Mass* words,
                              ShardState state) {
  switch (state.stage) {
    case ShardStage::kFirst:
      return after_first(cta, shared, p, words, state);
    case ShardStage::kDigits:
      return after_digits(cta, shared, words, state);
    case ShardStage::kMasses:
      return after_masses(shared, shared.sampling(), p, words, state);
    case ShardStage::kToken:
      state.token = static_cast<std::int32_t>(words[0]) - 1;
      state.stage = ShardStage::kDone;
      break;
    case ShardStage::kDone:
      break;
  }
  return state;
}

}  // namespace fllm::sharding
