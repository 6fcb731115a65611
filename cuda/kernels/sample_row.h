// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sample_params.h"
#include "cuda/kernels/sampling/row_advance.h"
#include "cuda/kernels/sampling/row_edit.h"
#include "cuda/kernels/sampling/row_open.h"
#include "cuda/kernels/sampling/row_outputs.h"
#include "cuda/kernels/sampling/row_shape.h"
#include "cuda/kernels/sampling/row_support.h"
#include "cuda/kernels/sampling/sequence_edits.h"
#include "cuda/launch/launch_shape.h"

namespace fllm {

/// From raw logits to a token: edits, greedy, min-p, top-k, top-p, draw, log-probabilities, status, in one launch.
///
/// Grid: a cluster of 1, 2, 4 or 8 blocks per row, which own it from the first read to the last output. Each block has a
/// slice of consecutive ids in its shared memory, edited in place; the blocks tell each other a few integers.
/// Bytes: reads each logit once, the mask and the lists of the row once. Rows too large for the shared memory of 8 blocks
/// are streamed: their values lie in SampleParams::scratch.
/// A row pays for what it uses: greedy needs the maximum alone; top-k lists the few ids that pass a bound; whole-row masses
/// are computed for a neutral draw, a top-p without top-k, and log-probabilities.
/// Determinism: maxima with a tie rule and sums of integers; the same bits for any number of blocks and threads, on any
/// device. Degenerate rows: all forbidden, NaN and +inf have stated results (SampleStatus).
template <class LogitT>
struct SampleRow {
  using Params = SampleParams;
  using Shared = sampling::SharedRow;
  static constexpr std::int32_t kMaxThreads = 128;
  static constexpr std::int32_t kBlocksTogether = sampling::kBlocksTogether;

  static LaunchShape shape(const Params& p, const LaunchTarget& target) {
    return sampling::sample_shape(p, target, sampling::kLaneIds<LogitT>);
  }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared& shared, const Params& p) const {
    using namespace sampling;
    const std::int64_t index = cta.block_index() / cta.cluster_size();
    const LogitT* logits = static_cast<const LogitT*>(p.logits) + index * p.stride;
    const std::uint32_t* mask = mask_of(p, index);
    const bool wants_top = p.top != nullptr && p.top_count > 0;
    const bool wants_raw = p.details != nullptr || wants_top;
    if (cta.warp() == 0) prepare(cta, shared, p, index);
    Row<C, kRowIds<C, LogitT>> row = open_row<C, kRowIds<C, LogitT>>(cta, p, index);
    const bool has_nan = load_slice(cta, row, logits, wants_raw ? nullptr : mask);
    if (cta.lane() == 0) shared.warp_has_nan[cta.warp()] = has_nan ? 1 : 0;
    cta.sync();  // the block's values, their parts' maxima and the row's parameters are there
    const RowSampling& s = shared.sampling();

    RawDistribution<LogitT> raw{logits, {}};
    if (wants_raw) raw.totals = resume(row, measure_raw(cta, shared, row));
    if (wants_raw && mask != nullptr) forbid_masked(cta, row, mask);
    edit_loaded(cta, shared, row, p, mask != nullptr);
    if ((shared.filter_uses & kReadsSequence) != 0) {
      edit_by_sequence(cta, shared, row, p.filters, p.filters.rows[index]);
    }

    const std::int32_t wanted = list_count(s, p.vocab), top_count = wants_top ? p.top_count : 0;
    const Summary summary = summarise(cta, shared, row, wanted > top_count ? wanted : top_count);
    Drawn drawn;
    drawn.token = s.fallback_id;
    std::uint32_t status = summary.status;
    std::int32_t listed = -1;
    if (row.maximum == -infinity32()) {
      status |= kSampleEmpty;
    } else if (is_greedy(s) || row.maximum == infinity32()) {
      if (row.maximum == infinity32()) status |= kSampleInf;
      row.scale = mass_scale(1.0f);
      drawn = draw_first(cta, shared, row);
    } else {
      row.scale = mass_scale(s.temperature);
      const bool measured = wants_raw || p.probabilities != nullptr;
      ExtraFilters extra;
      if ((shared.filter_uses & kFiltersDraw) != 0) {
        extra = {p.filters.rows + index, p.advance != 0 ? &p.filters.sequences : nullptr};
      }
      const DrawnListed result = draw(cta, shared, row, summary.bound, measured, extra);
      drawn = result.drawn;
      listed = result.listed;
    }

    if (row.rank == 0) {  // the same for the whole block
      status |= advance_row(cta, shared, p, index, p.vocab, drawn.token);
      if (cta.thread_index() == 0) {
        p.tokens[index] = drawn.token;
        if (p.status != nullptr) p.status[index] = status;
      }
    }
    const Support<C, kRowIds<C, LogitT>> support{row, drawn, row.mass()};
    if (p.details != nullptr) {
      write_detail(cta, support, raw, {drawn.token, drawn.value, drawn.rank}, p.details + index);
    }
    if (wants_top) {
      if (listed < 0) listed = resume(row, list_top(cta, shared, row, summary.bound, p.top_count));
      if (row.rank == 0) write_top(cta, shared.list, listed, support, raw, p.top_count, p.top + index * p.top_count);
    }
    if (p.probabilities != nullptr)
      write_probabilities(cta, row, support, p.probabilities + index * p.probabilities_stride);
    if (p.supports != nullptr) write_support(cta, shared, row, p, index, RowFindings<LogitT>{drawn, raw});
  }
};

}  // namespace fllm
