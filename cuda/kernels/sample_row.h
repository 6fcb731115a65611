// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sample_params.h"
#include "cuda/kernels/sampling/row_draw.h"
#include "cuda/kernels/sampling/row_load.h"
#include "cuda/kernels/sampling/row_outputs.h"
#include "cuda/kernels/sampling/row_select.h"
#include "cuda/launch/launch_shape.h"

namespace fllm {

/// From raw logits to a token: edits, greedy, min-p, top-k, top-p, draw, log-probabilities, status, in one launch.
///
/// Grid: one block per row, which owns the row from the first read to the last output.
/// Bytes: reads each logit once (twice when log-probabilities are wanted); the edited row is kept as ordered integers in
/// dynamic shared memory, or in SampleParams::scratch when that is given. A row pays for what it uses: greedy needs the
/// maximum alone; top-k looks at the few tiles that can hold one of the k; whole-row masses are computed for a neutral
/// draw and for a pure top-p.
/// Determinism: maxima with a tie rule and sums of integers; the same bits for any number of threads, on any device.
/// Degenerate rows: all forbidden, NaN and +inf have stated results (SampleStatus).
template <class LogitT>
struct SampleRow {
  using Params = SampleParams;
  using Shared = sampling::SharedRow;
  static constexpr std::int32_t kMaxThreads = 512;  // launch bound: lets every value stay in a register

  static LaunchShape shape(const Params& p) {
    const bool on_chip = p.scratch == nullptr;
    const std::size_t bytes =
        on_chip ? static_cast<std::size_t>(sampling::scratch_elements(p.vocab)) * sizeof(std::int32_t) : 0;
    return {p.rows, p.vocab <= 4096 ? 128 : kMaxThreads, bytes};
  }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared& shared, const Params& p) const {
    using namespace sampling;
    const std::int64_t index = cta.block_index();
    const RowSampling& sampling = p.sampling[index];
    Support support;
    Row& row = support.row;
    row.vocab = p.vocab;
    row.tiles = tiling(p.vocab);
    row.keys =
        p.scratch != nullptr ? p.scratch + index * p.scratch_stride : static_cast<std::int32_t*>(cta.dynamic_shared());
    row.list = row.keys + row.tiles.width * row.tiles.count;

    const RawSummary summary = load_row<C, LogitT>(cta, shared, row, p, sampling);
    std::int32_t maximum_key = kOrderedMinusInfinity;
    for (std::int32_t t = cta.thread_index(); t < row.tiles.count; t += cta.thread_count()) {
      maximum_key = shared.tile_key[t] > maximum_key ? shared.tile_key[t] : maximum_key;
    }
    maximum_key = block_reduce(cta, shared.slots, maximum_key, Maximum{});
    row.maximum = from_ordered(maximum_key);

    std::uint32_t status = summary.has_nan ? kSampleNan : kSampleOk;
    std::int32_t token = sampling.fallback_id;
    std::int32_t kept_count = 0;
    if (maximum_key == kOrderedMinusInfinity) {
      status |= kSampleEmpty;
    } else if (sampling.temperature == 0.0f || sampling.top_k == 1 || maximum_key == kOrderedInfinity) {
      if (maximum_key == kOrderedInfinity) status |= kSampleInf;
      token = first_of_maximum(cta, shared, row, maximum_key);
      support.only_id = token;
      support.total = kFullMass;
      kept_count = 1;
    } else {
      row.scale = mass_scale(sampling.temperature);
      row.min_mass = sampling.min_mass > 0 ? sampling.min_mass : 1;
      support.cut = filter(cta, shared, row, sampling);
      const Kept kept = sum_kept(cta, shared, row, support.cut);
      const std::uint64_t bits =
          p.uniforms != nullptr ? p.uniforms[index] : random_bits(sampling.seed, sampling.random);
      token = draw(cta, shared, row, support.cut, multiply_high(bits, kept.mass) + 1);
      support.total = kept.mass;
      kept_count = kept.count;
    }

    if (cta.thread_index() == 0) {
      p.tokens[index] = token;
      if (p.status != nullptr) p.status[index] = status;
    }
    write_outputs(cta, shared, p, support, {token, kept_count, summary.maximum_key});
  }

 private:
  struct Drawn {
    std::int32_t token;
    std::int32_t kept_count;
    std::int32_t raw_maximum_key;
  };

  /// Top-k, then top-p of what it kept. (min-p is in Row::mass.)
  template <Cta C>
  FLLM_DEVICE static sampling::Cut filter(C& cta, sampling::SharedRow& shared, const sampling::Row& row,
                                          const RowSampling& sampling) {
    using namespace sampling;
    const bool top_k = sampling.top_k > 0 && sampling.top_k < row.vocab;
    const Goal first_k{static_cast<Mass>(sampling.top_k), false};
    if (top_k && sampling.top_k <= row.tiles.count) {  // few ids can be among the first k: list them
      const std::int32_t bound = count_bound(cta, shared, row, sampling.top_k);
      const std::int32_t count = list_ids(
          cta, shared, row, [&](std::int32_t key) { return key >= bound; },
          [&](std::int32_t key) { return key >= bound && row.mass(key) > 0; });
      const Cut cut = select_in_list(cta, shared, row, count, first_k);
      if (sampling.top_p_on == 0) return cut;
      const Mass target = top_p_target(sampling.top_p, sum_kept(cta, shared, row, cut).mass);
      return select_in_list(cta, shared, row, count, {target, true});
    }
    Cut cut;
    if (top_k) {
      fill_bins(cta, shared, row, false);
      cut = select_from_bins(cta, shared, row, first_k);
    }
    if (sampling.top_p_on != 0) {
      const Mass total = top_k ? sum_kept(cta, shared, row, cut).mass : 0;
      const Mass filled = fill_bins(cta, shared, row, true);
      cut = select_from_bins(cta, shared, row, {top_p_target(sampling.top_p, top_k ? total : filled), true});
    }
    return cut;
  }

  template <Cta C>
  FLLM_DEVICE static void write_outputs(C& cta, sampling::SharedRow& shared, const Params& p,
                                        const sampling::Support& support, const Drawn& drawn) {
    using namespace sampling;
    const std::int64_t index = cta.block_index();
    const bool wants_top = p.top != nullptr && p.top_count > 0;
    if (p.details != nullptr || wants_top) {
      const LogitT* logits = static_cast<const LogitT*>(p.logits) + index * p.stride;
      const RawDistribution<LogitT> raw = raw_distribution(cta, shared, logits, p.vocab, drawn.raw_maximum_key);
      if (p.details != nullptr) {
        const bool empty = support.total == 0;
        const std::int32_t rank = empty ? 0 : rank_of(cta, shared, support.row, drawn.token);
        if (cta.thread_index() == 0) {
          p.details[index] = {empty ? -infinity32() : raw.logprob(drawn.token), support.logprob(drawn.token), rank,
                              drawn.kept_count, support.total};
        }
      }
      if (wants_top) write_top(cta, shared, support, raw, p.top_count, p.top + index * p.top_count);
    }
    if (p.probabilities != nullptr) write_probabilities(cta, support, p.probabilities + index * p.probabilities_stride);
  }
};

}  // namespace fllm
