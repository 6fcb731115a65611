// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/beam/candidate_rank.h"
#include "cuda/kernels/beam_params.h"
#include "cuda/kernels/sampling/row_result.h"

// Lists the first of a row's candidates in global memory, in no order.
namespace fllm::beams {

using sampling::Row;
using sampling::SharedRow;

/// Where a row's candidates go.
struct CandidateList {
  BeamCandidate* entries;  // [capacity]
  std::int32_t capacity;
};

/// Which candidates are listed: those of values from `low` on, but of values below `above` (NaN: of all) only ids up to
/// `last_id`.
struct ListedRange {
  float low;
  float above = not_a_number32();
  std::int32_t last_id = INT32_MAX;
};

/// Writes the range's candidates, which the list holds; returns how many there are, to every thread of the row. Those of a
/// short list come by way of the first block, which then alone writes it. SharedRow::list_count must be 0. room: ids that are
/// in the range at most.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE std::int32_t write_range(const C& cta, SharedRow& shared, const Row<C, kIds>& row,
                                     const CandidateRank& rank, const ListedRange& range, std::int32_t room,
                                     const CandidateList& list) {
  const bool is_short = room <= sampling::kListCapacity;
  for (std::int32_t chunk = cta.warp(); chunk < row.layout.chunks; chunk += cta.warp_count()) {
    sampling::each_of_few(cta, row, chunk, {range.low}, not_a_number32(), [&](float value, std::int32_t id) {
      if (id > range.last_id && !(value >= range.above)) return;
      const std::uint32_t place = cta.atomic_add(cta.remote(&shared.list_count, 0), 1u);
      if (is_short && place < sampling::kListCapacity) {
        *cta.remote(&shared.list.code[place], 0) = sampling::order_code(value, id);
      } else if (!is_short && place < static_cast<std::uint32_t>(list.capacity)) {
        list.entries[place] = {rank(value), rank.logprob(value), id};
      }
    });
  }
  cta.cluster_sync();  // the list is complete
  const auto count = static_cast<std::int32_t>(*cta.remote(&shared.list_count, 0));
  if (is_short && row.rank == 0 && count <= list.capacity && count <= sampling::kListCapacity) {
    for (std::int32_t i = cta.thread_index(); i < count; i += cta.thread_count()) {
      const float value = sampling::code_value(shared.list.code[i]);
      list.entries[i] = {rank(value), rank.logprob(value), sampling::code_id(shared.list.code[i])};
    }
  }
  return count;
}

/// The range of exactly `wanted` candidates, or of all there are: candidates of equal rank in ascending id, whatever their
/// values.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE_RARE sampling::Outcome<ListedRange> exact_range(C cta, SharedRow& shared, Row<C, kIds> row,
                                                            CandidateRank rank, std::int32_t wanted) {
  using namespace sampling;
  const Cut cut = resume(row, select_cut(cta, shared, row, kLowestValue, {static_cast<Mass>(wanted), false}));
  const float edge = max32(rank(cut.value), kLowestValue);
  ListedRange range{limit_of(cta, shared, row.maximum, 0, [&](float value) { return rank(value) >= edge; })};
  if (rank(row.maximum) > edge) {
    range.above = limit_of(cta, shared, row.maximum, 1, [&](float value) { return rank(value) > edge; });
  }
  const auto is_tie = [&](float value, std::int32_t) {
    return value >= range.low && !(value >= range.above) ? Mass{1} : Mass{0};
  };
  Mass before = 0;
  if (range.above == range.above) {
    before = sum_weights(cta, shared, row, range.above, false, [&](float value, std::int32_t) {
               return value >= range.above ? Mass{1} : Mass{0};
             }).total;
  }
  const Sums ties = sum_weights(cta, shared, row, range.low, false, is_tie);
  const Mass left = static_cast<Mass>(wanted) > before ? static_cast<Mass>(wanted) - before : 0;
  if (ties.total > left) {  // the same for the whole row
    const std::int32_t id = left > 0 ? locate(cta, shared, row, ties, left, is_tie) : -1;
    tell(cta, shared, row, {{static_cast<Mass>(id + 1)}});
    range.last_id = static_cast<std::int32_t>(heard<Mass>(cta, shared, row, 0, Maximum{})) - 1;
  }
  clear_list(cta, shared);
  return {range, row.turn};
}

/// Lists at least the row's first `wanted` candidates, or all there are; no more than the list holds. bound: reached by so
/// many values, NaN: not known. The row's scale is set. Returns how many there are, to every thread of the row.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE std::int32_t list_candidates(const C& cta, SharedRow& shared, Row<C, kIds>& row, const CandidateRank& rank,
                                         float bound, std::int32_t wanted, const CandidateList& list) {
  using namespace sampling;
  if (!(rank(row.maximum) > -infinity32())) return 0;
  if (bound == bound) {
    const float least = max32(rank(bound), kLowestValue);
    const float low = limit_of(cta, shared, row.maximum, 0, [&](float value) { return rank(value) >= least; });
    const std::int32_t count = write_range(cta, shared, row, rank, {low}, kListCapacity, list);
    if (count <= list.capacity && count <= kListCapacity) return count;
    clear_list(cta, shared);
  }
  const ListedRange range = resume(row, exact_range(cta, shared, row, rank, wanted));
  return write_range(cta, shared, row, rank, range, wanted, list);
}

}  // namespace fllm::beams
