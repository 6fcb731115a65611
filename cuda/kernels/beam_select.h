// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/beam/common_tokens.h"
#include "cuda/kernels/beam/next_beams.h"
#include "cuda/kernels/beam/rank_candidates.h"
#include "cuda/kernels/beam/stop_rule.h"
#include "cuda/launch/launch_shape.h"

namespace fllm {

/// A step of each search: its candidates in order, which of them end and enter the pool, which live on, whether it is over,
/// and which tokens are certain.
///
/// Grid: one block per search, which owns the search's state, beams and pool and its rows' inputs.
/// Bytes: reads 12 for each listed candidate, several times where there are more than are sorted at once; reads and writes
/// some 200 for each beam; none that depend on how long the search has been going on, but for tokens that become certain.
/// Determinism: the order of candidates is total, places are counted, and sums are additions of two numbers.
/// Degenerate searches: one that is over, or whose state or rows lie outside what there is, is left alone; one without a
/// candidate is over.
struct BeamSelect {
  using Params = BeamParams;
  using Shared = beams::SelectShared;
  static constexpr std::int32_t kThreads = 256;
  static constexpr std::int32_t kMaxThreads = 1024;

  static LaunchShape shape(const Params& p) {
    return {p.search_count, p.candidate_limit > 4 * kThreads ? kMaxThreads : kThreads,
            beams::SelectLayout::of(p.candidate_limit).bytes()};
  }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared& shared, const Params& p) const {
    BeamSearch& search = p.searches[cta.block_index()];
    if (beams::takes_step(p, search) && search.rules.width <= p.candidate_limit) {  // the same for the whole block
      take_step(cta, shared, p, search);
    }
  }

 private:
  template <Cta C>
  FLLM_DEVICE static void take_step(const C& cta, Shared& shared, const Params& p, BeamSearch& search) {
    using namespace beams;
    const BeamRules& rules = search.rules;
    const SelectLayout layout = SelectLayout::of(p.candidate_limit);
    const SelectStep s{p,
                       search,
                       SelectArrays(cta.dynamic_shared(), layout),
                       search.state.step,
                       rules.width / rules.group_count,
                       layout.sorted};
    for (std::int32_t k = cta.thread_index(); k < rules.width; k += cta.thread_count())
      s.arrays.cums[k] = -infinity32();
    const BeamState before = search.state;
    if (s.step == 0) clear_pool(cta, s);
    const std::int32_t frozen = frozen_columns(cta, shared, s);

    bool leader_ended = before.leader_ended != 0;
    std::int32_t taken = 0;
    for (std::int32_t group = 0; group < rules.group_count; ++group) {
      const Outcome outcome = take_group(cta, shared, s, group * s.group_width, taken);
      leader_ended = leader_ended || outcome.leader_ended;
      taken = outcome.taken;
    }

    std::int32_t live = 0, finished = 0, lead = -1;
    for (std::int32_t first = 0; first < rules.group_count * s.group_width; first += s.group_width) {
      const std::int32_t count = pool_count(cta, shared, s, first);
      const bool over = is_over(s, first, best_sum(cta, shared, s, first), count, leader_ended);
      finished += count;
      if (!over && lead < 0) lead = first;
      std::int32_t going_on = 0;
      for (std::int32_t k = first + cta.thread_index(); k < first + s.group_width; k += cta.thread_count()) {
        if (over) s.arrays.cums[k] = -infinity32();
        going_on += s.arrays.cums[k] > -infinity32() ? 1 : 0;
      }
      live += block_reduce(cta, shared.slots, going_on, Sum{});
      cta.sync();  // the group's sums are final, and the slots have been read
    }
    write_beams(cta, s);
    if (p.rank_counts != nullptr) empty_rank_counts(cta, p);
    const std::int32_t agreed = lead >= 0 ? agreed_tokens(cta, shared, s, before.agreed, lead) : before.agreed;
    if (cta.thread_index() == 0) {
      const std::int32_t proven = prove_tokens(s, agreed, lead, live == 0);
      search.state = {s.step + 1, live, finished, frozen, agreed, proven, live == 0 ? 1 : 0, leader_ended ? 1 : 0};
      if (search.news != nullptr) {
        cta.publish(search.news + 1, static_cast<std::uint32_t>(s.step + 1));
        cta.publish(search.news, static_cast<std::uint32_t>(proven) * 2 + (live == 0 ? 1 : 0));
      }
    }
  }

  template <Cta C>
  FLLM_DEVICE static void empty_rank_counts(const C& cta, const Params& p) {
    std::uint32_t* const counts = p.rank_counts + std::int64_t{cta.block_index()} * kBeamRankBuckets;
    for (std::int32_t i = cta.thread_index(); i < kBeamRankBuckets; i += cta.thread_count()) counts[i] = 0;
  }

  struct Outcome {
    bool leader_ended;
    std::int32_t taken;  // tokens of all groups so far
  };

  template <Cta C>
  FLLM_DEVICE static Outcome take_group(const C& cta, Shared& shared, const beams::SelectStep& s,
                                        std::int32_t first_slot, std::int32_t taken) {
    using namespace beams;
    const BeamRules& rules = s.search.rules;
    const std::int32_t limit = s.p.candidate_limit;
    const std::int32_t asked = (rules.candidate_count < limit ? rules.candidate_count : limit) / rules.group_count;
    const std::int32_t wanted = asked > 1 ? asked : 1;
    const std::int32_t count = rank_candidates(cta, shared, s, first_slot, taken, wanted);
    classify(cta, s, count);
    const TakenCounts found = spread(
        cta, shared, s, count, [&](std::int32_t i, std::int32_t n) { s.arrays.entered[n] = i; },
        [&](std::int32_t i, std::int32_t n) { put_beam(s, i, first_slot + n); },
        [&](std::int32_t i, std::int32_t n) { s.arrays.taken[taken + n] = taken_at(s, i).token; });
    const std::int32_t before = pool_count(cta, shared, s, first_slot);  // a barrier too: all is spread
    if (found.ended > 0) enter_pool(cta, s, first_slot, before, found.ended);
    const bool leader_ended = count > 0 && s.arrays.kinds[0] != static_cast<std::int32_t>(BeamEnd::kNone);
    cta.sync();  // the pool is complete, and kinds and slots have been read
    return {leader_ended, taken + found.taken};
  }
};

}  // namespace fllm
