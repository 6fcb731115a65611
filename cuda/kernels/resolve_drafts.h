// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/draft_params.h"
#include "cuda/kernels/drafts/accept.h"
#include "cuda/kernels/drafts/residual.h"
#include "cuda/kernels/sampling/row_shape.h"
#include "cuda/launch/launch_shape.h"

namespace fllm {

/// How many drafts of a sequence are accepted, and the token that comes after them: the target's own draw where none was
/// refused (or drafts are coupled), a draw from the residual where one was.
///
/// Grid: a cluster of 1, 2, 4 or 8 blocks per sequence, which own its results. All of them weigh all drafts, a lane each, and
/// agree without a word; where a draft is refused, they share out the row behind it and its draft's as SampleRow does.
/// Bytes: a support and an id of each draft; with a refused one, its row of the target's logits and, where it was drawn, the
/// draft's, each read once more with the lists of the row. Rows that do not fit the shared memory of 8 blocks are streamed:
/// their values lie in ResolveDraftsParams::scratch.
/// Determinism: comparisons of exact products and sums of integers; the same bits for any number of blocks and threads.
/// Degenerate rows: a draft without mass in the target's row, or outside the vocabulary, is refused whatever the random bits,
/// 0 too. Where the residual is empty, and in rows of one id (greedy, +inf, nothing allowed), the target's own draw is the
/// result.
template <class LogitT>
struct ResolveDrafts {
  using Params = ResolveDraftsParams;
  using Shared = sampling::SharedRow;
  static constexpr std::int32_t kMaxThreads = 128;
  static constexpr std::int32_t kRowsHeld = 2;

  static LaunchShape shape(const Params& p, const LaunchTarget& target) {
    return sampling::row_shape({p.row_count, p.target.vocab, p.blocks_per_row, kRowsHeld, p.scratch != nullptr}, target,
                               sampling::kLaneIds<LogitT>);
  }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared& shared, const Params& p) const {
    const std::int64_t index = cta.block_index() / cta.cluster_size();
    const DraftRow& drafts = p.rows[index];
    const std::int32_t count = drafts::draft_count(p, drafts);
    const std::int32_t accepted = drafts::accepted_count(cta, p, drafts, count);
    const std::int64_t row = std::int64_t{drafts.first_logit_row} + accepted;
    const bool draws = accepted < count && drafts.coupled == 0 && p.target.supports[row].only == 0;
    Found found;
    if (draws) found = draw_residual(cta, shared, p, index, accepted);  // the same for the whole cluster
    if (cta.cluster_rank() != 0 || cta.thread_index() != 0) return;
    p.accepted_counts[index] = accepted;
    p.tokens[index] = found.token >= 0 ? found.token : p.target.tokens[row];
    if (p.details != nullptr) p.details[index] = found.token >= 0 ? found.detail : p.target.details[row];
  }

 private:
  struct Found {
    std::int32_t token = -1;  // the residual is empty
    SampleDetail detail;      // the first thread's of the first block, where it is wanted
  };

  /// From the residual of draft i, which is refused. Called by all threads of the row's blocks.
  template <Cta C>
  FLLM_DEVICE static Found draw_residual(const C& cta, Shared& shared, const Params& p, std::int64_t index,
                                         std::int32_t i) {
    using namespace sampling;
    using RowType = Row<C, kRowIds<C, LogitT>>;
    const DraftRow& drafts = p.rows[index];
    const std::int64_t row = std::int64_t{drafts.first_logit_row} + i;
    const std::int32_t draft = p.draft_ids[row];
    const std::int64_t source = drafts::drawn_from(p, drafts, i, draft);
    const RowSupport& p_support = p.target.supports[row];
    RowSupport chosen{};  // all of the mass on the draft
    chosen.only = 1;
    chosen.only_id = draft;
    chosen.kept_mass = 1;
    const RowSupport& q_support = source >= 0 ? p.draft.supports[source] : chosen;

    RowPlace place{static_cast<unsigned char*>(cta.dynamic_shared()),
                   p.scratch != nullptr ? p.scratch + index * p.scratch_stride : nullptr};
    RowType target_row = drafts::load_row<C, LogitT>(cta, shared, {p.target, row, p_support}, place, 0);
    const RowLayout& layout = target_row.layout;
    place.shared += layout.mass_bytes() + layout.part_bytes() + (p.scratch != nullptr ? 0 : layout.value_bytes());
    if (p.scratch != nullptr) place.streamed += std::int64_t{layout.blocks} * layout.slice_width();
    RowType draft_row = target_row;
    draft_row.chunk_masses = reinterpret_cast<Mass*>(place.shared);
    if (q_support.only == 0) {  // the same for the whole row; one id alone needs no logits
      draft_row = drafts::load_row<C, LogitT>(cta, shared, {p.draft, source, q_support}, place, target_row.turn);
      target_row.turn = draft_row.turn;
    }

    const Drawn p_drawn = weighed_by(p_support), q_drawn = weighed_by(q_support);
    const Support<C, kRowIds<C, LogitT>> p_kept{target_row, p_drawn, target_row.mass()};
    const Support<C, kRowIds<C, LogitT>> q_kept{draft_row, q_drawn, draft_row.mass()};
    drafts::Residual<C, kRowIds<C, LogitT>> residual{target_row, draft_row, p_kept, q_kept};
    const std::uint64_t bits = p.residual_uniforms != nullptr ? p.residual_uniforms[row]
                                                              : drafts::bits_of(p.target, row, RandomStream::kResidual);
    Found found;
    float value = 0;
    found.token = residual.draw(cta, shared, bits, value);
    if (found.token < 0 || p.details == nullptr) return found;  // the same for the whole row
    Drawn drawn = p_drawn;
    drawn.token = found.token;
    drawn.kept_count = p_support.kept_count;
    const RawDistribution<LogitT> raw{static_cast<const LogitT*>(p.target.logits) + row * p.target.stride,
                                      {p_support.raw_maximum, p_support.raw_log_total, p_support.raw_infinite_id}};
    const std::int32_t rank = rank_of(cta, shared, target_row, value, found.token);
    write_detail(cta, Support<C, kRowIds<C, LogitT>>{target_row, drawn, target_row.mass()}, raw,
                 {found.token, value, rank}, &found.detail);
    return found;
  }
};

}  // namespace fllm
