// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/beam/list_candidates.h"
#include "cuda/portable/grid_atomic.h"

// What the rows of a wide search tell each other: how many candidates of which rank have been listed. A candidate that C others
// are known to precede is not listed, so that hopeless beams list little. Which rows come first decides how much is listed,
// never what BeamSelect finds: only candidates that C better ones precede are left out.
namespace fllm::beams {

/// Steps of rank below that of a certain token of the first beam.
struct RankBuckets {
  float top;

  /// Never falls as the rank does, in [0, kBeamRankBuckets).
  [[nodiscard]] FLLM_DEVICE std::int32_t operator()(float rank) const {
    const float below = (top - rank) * 32.0f;
    return !(below > 0.0f)                   ? 0
           : below < kBeamRankBuckets - 1.0f ? static_cast<std::int32_t>(below)
                                             : kBeamRankBuckets - 1;
  }
};

/// A search's counters; null: it has none, or is too narrow to gain from them, or its first step has one row alone.
FLLM_DEVICE std::uint32_t* rank_counts_of(const BeamParams& p, const BeamSearch& search) {
  constexpr std::int32_t kLeastWidth = 16;
  const bool used = search.rules.width >= kLeastWidth && search.rules.group_count == 1 && search.state.step > 0;
  return p.rank_counts != nullptr && used ? p.rank_counts + (&search - p.searches) * kBeamRankBuckets : nullptr;
}

/// The last bucket whose candidates can be among the first `wanted`; the last of all while so many are not known. The same for
/// the whole row.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE std::int32_t last_bucket(const C& cta, SharedRow& shared, Row<C, kIds>& row, const std::uint32_t* counts,
                                     std::int32_t wanted) {
  const Crossing crossing = find_crossing(cta, shared.crossing, kBeamRankBuckets, static_cast<Mass>(wanted),
                                          [&](std::int32_t i) { return Mass{grid_load(counts + i)}; });
  const std::int32_t last = crossing.index >= 0 ? crossing.index : kBeamRankBuckets - 1;
  sampling::tell(cta, shared, row, {{static_cast<Mass>(last)}});
  return sampling::heard<std::int32_t>(cta, shared, row, 0, Minimum{});
}

/// Counts what a row has listed, for the rows that are still to list. The first block, whose threads wrote what they read.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE void count_ranks(const C& cta, const Row<C, kIds>& row, std::uint32_t* counts, const RankBuckets& bucket_of,
                             const CandidateList& list, std::int32_t count) {
  for (std::int32_t i = cta.thread_index(); row.rank == 0 && i < count; i += cta.thread_count()) {
    grid_add(counts + bucket_of(list.entries[i].rank), 1u);
  }
}

/// Where a row's list goes, and what is known of the other rows'.
struct RowListing {
  CandidateList list;
  std::int32_t wanted;    // of the row
  std::int32_t needed;    // of all rows
  std::uint32_t* counts;  // null: nothing is known
  RankBuckets bucket_of;
};

/// list_candidates, without what so many of other rows are known to precede. bound: as there.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE std::int32_t list_bounded(const C& cta, SharedRow& shared, Row<C, kIds>& row, const CandidateRank& rank,
                                      float bound, const RowListing& to) {
  using namespace sampling;
  if (to.counts == nullptr) return list_candidates(cta, shared, row, rank, bound, to.wanted, to.list);
  const std::int32_t last = last_bucket(cta, shared, row, to.counts, to.needed);
  if (to.bucket_of(rank(row.maximum)) > last) return 0;  // the same for the whole row
  if (last < kBeamRankBuckets - 1) {
    const float least =
        limit_of(cta, shared, row.maximum, 2, [&](float value) { return to.bucket_of(rank(value)) <= last; });
    bound = bound > least ? bound : least;
  }
  const std::int32_t count = list_candidates(cta, shared, row, rank, bound, to.wanted, to.list);
  count_ranks(cta, row, to.counts, to.bucket_of, to.list, count);
  return count;
}

}  // namespace fllm::beams
