// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/draft_params.h"
#include "cuda/kernels/sampling/row_edited.h"
#include "cuda/kernels/sampling/row_place.h"
#include "cuda/kernels/sampling/row_support.h"
#include "cuda/kernels/sampling/sequence_edits.h"

// A row of the target and the one its draft was drawn from, both edited, side by side in the memory of the same blocks.
namespace fllm::drafts {

/// A row of one of the two launches, and what its filters kept.
struct RowSource {
  const SampleParams& params;
  std::int64_t index;
  const RowSupport& support;
};

/// Loads and edits a row as SampleRow did. turn: of the row before it.
template <Cta C, class LogitT>
FLLM_DEVICE_LARGE sampling::Row<C, sampling::kRowIds<C, LogitT>> load_row(const C& cta, sampling::SharedRow& shared,
                                                                          const RowSource& from,
                                                                          const sampling::RowPlace& place,
                                                                          std::uint32_t turn) {
  using namespace sampling;
  const SampleParams& p = from.params;
  if (cta.warp() == 0) prepare(cta, shared, p, from.index);
  Row<C, kRowIds<C, LogitT>> row = open_row_at<C, kRowIds<C, LogitT>>(cta, p, place);
  row.turn = turn;
  load_edited<C, LogitT>(cta, shared, row, p, from.index);
  if ((shared.filter_uses & kReadsSequence) != 0) {
    edit_by_sequence(cta, shared, row, p.filters, p.filters.rows[from.index]);
  }
  row.maximum = from.support.maximum;
  row.scale = from.support.scale;
  cta.sync();  // everyone has read the row's parameters, whose place the next row's take
  return row;
}

/// Calls f(target value, draft value, id) for the lane's ids of a chunk that the target may have kept, ids ascending.
template <Cta C, std::int32_t kIds, class F>
FLLM_DEVICE void each_pair(const C& cta, const sampling::Row<C, kIds>& target, const sampling::Row<C, kIds>& draft,
                           std::int32_t chunk, float least, const F& f) {
  using Place = sampling::Positions<C, kIds>;
  if (!(target.parts[target.part_of(cta, chunk)] >= least)) return;
  const std::int32_t first = chunk * target.layout.chunk_width, last = first + target.layout.chunk_width;
  if constexpr (Place::kSimt) {
    std::int32_t id = target.begin + first + cta.lane() * Place::kPerLane;
    for (std::int32_t at = first + cta.lane() * 4; at < last; at += Place::kGroup, id += Place::kGroup) {
      FLLM_UNROLL
      for (std::int32_t q = 0; q < Place::kVectors; ++q) {
        const Vector4 p_values = load4(target.values + at + q * (sampling::kGroupLanes * 4));
        const Vector4 q_values = load4(draft.values + at + q * (sampling::kGroupLanes * 4));
        FLLM_UNROLL
        for (std::int32_t e = 0; e < 4; ++e) {
          if (p_values.x[e] >= least) f(p_values.x[e], q_values.x[e], id + q * 4 + e);
        }
      }
    }
  } else {
    for (std::int32_t i = first; i < last; ++i) {
      if (target.values[i] >= least) f(target.values[i], draft.values[i], target.begin + i);
    }
  }
}

}  // namespace fllm::drafts
