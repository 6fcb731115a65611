// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/beam/beam_row.h"
#include "cuda/kernels/beam/row_logprobs.h"
#include "cuda/kernels/sampling/row_shape.h"

namespace fllm {

/// The continuations of each live beam that a step of its search can need: edits, log-softmax, the best of the row.
///
/// Grid: as of SampleRow: a cluster of 1, 2, 4 or 8 blocks per row, which own it from the first read to its list.
/// Bytes: reads each logit once (twice where candidates are drawn), the mask and the lists of the row once; writes 12 bytes for
/// each candidate. Rows too large for the shared memory of 8 blocks lie in SampleParams::scratch.
/// Listed are the first beam_row_candidates of (rank descending, id ascending), or all there are; possibly some more, in no
/// order. What is listed is the same set for any number of blocks and threads as far as BeamSelect can tell: it takes the
/// first ones in the total order.
/// Degenerate rows: of a finished search, of a slot without a beam, and with everything forbidden the list is empty; where
/// the largest edited logit is +inf, its lowest id is certain and alone.
template <class LogitT>
struct BeamCandidates {
  using Params = BeamCandidatesParams;
  using Shared = sampling::SharedRow;
  static constexpr std::int32_t kMaxThreads = 128;
  static constexpr std::int32_t kBlocksTogether = sampling::kBlocksTogether;

  static LaunchShape shape(const Params& p, const LaunchTarget& target) {
    return sampling::sample_shape(p.sample, target, sampling::kLaneIds<LogitT>);
  }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared& shared, const Params& p) const {
    const std::int32_t index = cta.block_index() / cta.cluster_size();
    const beams::BeamRow beam = beams::beam_of_row(p.beam, index);  // the same for the whole cluster
    const std::int32_t count = beam.search != nullptr ? list(cta, shared, p, index, beam) : 0;
    if (cta.cluster_rank() == 0 && cta.thread_index() == 0) p.beam.candidate_counts[index] = count;
  }

 private:
  template <Cta C>
  FLLM_DEVICE static std::int32_t list(C& cta, Shared& shared, const Params& p, std::int32_t index,
                                       const beams::BeamRow& beam) {
    using namespace sampling;
    const BeamSearch& search = *beam.search;
    const float cum = beams::sum_of(search, beam.slot);
    const std::int64_t asked_row = search.state.step > 0 ? index : search.rules.first_row;
    const LogitT* logits = static_cast<const LogitT*>(p.sample.logits) + asked_row * p.sample.stride;
    const bool normalised_first = search.rules.edits_after_softmax != 0;
    const beams::RowSource<LogitT> source{&p.sample, asked_row, logits, normalised_first};
    const beams::CandidateList list{p.beam.candidates + std::int64_t{index} * p.beam.candidate_stride,
                                    p.beam.candidate_stride};
    const std::int32_t asked = beam_row_candidates(search.rules), room = p.beam.candidate_stride;
    const std::int32_t wanted = asked < 1 ? 1 : asked < room ? asked : room;
    const beams::RowListing to{
        list, wanted, search.rules.candidate_count, beams::rank_counts_of(p.beam, search), {beams::sum_of(search, 0)}};

    if (cta.warp() == 0) prepare(cta, shared, p.sample, asked_row);
    Row<C, kRowIds<C, LogitT>> row = open_row<C, kRowIds<C, LogitT>>(cta, p.sample, index);
    beams::open_values(cta, shared, row, source);
    const bool sampled = search.rules.sampled != 0, bounded = !sampled && wanted <= kMaxBoundCount;
    const Summary summary = summarise(cta, shared, row, bounded ? wanted : 0);
    std::int32_t count = 0;
    if (row.maximum == -infinity32()) {
      count = 0;
    } else if (sampled) {
      count = beams::list_drawn<C, LogitT>(cta, shared, row, source, cum, p.beam.sampling[index].random, to);
    } else if (row.maximum == infinity32() && !normalised_first) {
      const std::int32_t first = draw_first(cta, shared, row).token;
      if (row.rank == 0 && cta.thread_index() == 0) list.entries[0] = {cum + 0.0f, 0.0f, first};
      count = 1;
    } else {
      row.scale = mass_scale(1.0f);
      beams::CandidateRank rank{cum, 0, 0};
      if (!normalised_first) {
        const MassFunction mass_of = row.mass();
        const Sums sums = sum_weights(cta, shared, row, -infinity32(), true,
                                      [&](float value, std::int32_t) { return mass_of(value); });
        rank = {cum, row.maximum, log_mass(sums.total)};
      }
      count = beams::list_bounded(cta, shared, row, rank, bounded ? summary.bound : not_a_number32(), to);
    }
    cta.cluster_sync();  // no block leaves while another reads its memory
    return count;
  }
};

}  // namespace fllm
