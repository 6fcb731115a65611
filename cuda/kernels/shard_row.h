// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row_advance.h"
#include "cuda/kernels/sampling/row_edit.h"
#include "cuda/kernels/sampling/row_edited.h"
#include "cuda/kernels/sampling/row_open.h"
#include "cuda/kernels/sampling/row_shape.h"
#include "cuda/kernels/sharding/shard_report.h"

namespace fllm {

/// One step of sampling over a vocabulary that is spread over ranks: decides from the words that all ranks added up after
/// the last step, then writes this rank's words of the next one; the last step writes the token in their place.
///
/// Grid: a cluster of 1, 2, 4 or 8 blocks per row. Its first block decides and owns the row's state; the slice is shared
/// out as in SampleRow.
/// Bytes: a step reads the slice once; the last one, rows that are done and ranks that do not have the token read none of it.
/// Determinism: the words are maxima by a total order, counts and integer masses, so every rank decides the same, and the
/// token is the one SampleRow draws from the whole row.
/// Degenerate rows: as SampleRow. A row the last step comes too early for gets its most likely id and kSampleUndecided.
template <class LogitT>
struct ShardRow {
  using Params = ShardParams;
  struct Shared {
    sampling::SharedRow row;
    alignas(ShardState) unsigned char state_bytes[sizeof(ShardState)];  // shared memory is not constructed

    [[nodiscard]] FLLM_DEVICE ShardState& state() { return *reinterpret_cast<ShardState*>(state_bytes); }
  };
  static_assert(sizeof(Shared) <= sampling::kStaticBytes);
  static constexpr std::int32_t kMaxThreads = 128;
  static constexpr std::int32_t kBlocksTogether = sampling::kBlocksTogether;

  static LaunchShape shape(const Params& p, const LaunchTarget& target) {
    return sampling::sample_shape(p.sample, target, sampling::kLaneIds<LogitT>);
  }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared& shared, const Params& p) const {
    using namespace sharding;
    const std::int64_t index = cta.block_index() / cta.cluster_size();
    const bool first_block = cta.cluster_rank() == 0;
    Mass* words = p.words + index * shard_words(p.ranks, p.list_size);
    if (p.last != 0 && !first_block) return;
    if (cta.warp() == 0) sampling::prepare(cta, shared.row, p.sample, index);
    cta.sync();  // the row's parameters are there
    if (first_block) {
      ShardState next;
      if (p.step > 0) next = decide(cta, shared.row, p, words, p.states[index]);
      if (p.last != 0) return write_token(cta, shared.row, p, index, next);
      cta.sync();  // all threads have read the state and the words
      give_state(cta, shared, next);
      if (cta.thread_index() == 0) p.states[index] = next;
      for (std::int64_t i = cta.thread_index(); i < shard_words(p.ranks, p.list_size); i += cta.thread_count()) {
        words[i] = 0;
      }
    }
    cta.cluster_sync();  // the state is in every block, and the words are 0
    const ShardState& state = shared.state();
    const bool others = state.stage == ShardStage::kToken && state.owner != p.rank;
    if (state.stage == ShardStage::kDone || others) return;  // the same for all blocks
    sampling::Row<C, sampling::kRowIds<C, LogitT>> row = load_row(cta, shared.row, p.sample, index);
    if (state.stage == ShardStage::kFirst) return report_first(cta, shared.row, row, p, words);
    row.maximum = state.maximum;
    row.scale = mass_scale(shared.row.sampling().temperature);
    if (state.stage == ShardStage::kDigits) return report_digits(cta, shared.row, row, state, words);
    if (state.stage == ShardStage::kMasses) return report_masses(cta, shared.row, row, p, state, words);
    report_token(cta, shared.row, row, state, words);
  }

 private:
  template <Cta C>
  FLLM_DEVICE static void give_state(const C& cta, Shared& shared, const ShardState& state) {
    for (std::int32_t i = cta.thread_index(); i < cta.cluster_size(); i += cta.thread_count()) {
      *cta.remote(&shared.state(), i) = state;
    }
  }

  /// The edited slice.
  template <Cta C>
  FLLM_DEVICE static sampling::Row<C, sampling::kRowIds<C, LogitT>> load_row(const C& cta, sampling::SharedRow& shared,
                                                                             const SampleParams& p,
                                                                             std::int64_t index) {
    sampling::Row<C, sampling::kRowIds<C, LogitT>> row =
        sampling::open_row<C, sampling::kRowIds<C, LogitT>>(cta, p, index);
    sampling::load_edited<C, LogitT>(cta, shared, row, p, index);
    return row;
  }

  template <Cta C>
  FLLM_DEVICE static void write_token(const C& cta, sampling::SharedRow& shared, const Params& p, std::int64_t index,
                                      const ShardState& state) {
    std::uint32_t status = state.status;
    if (state.stage != ShardStage::kDone) status |= kSampleUndecided;
    status |= sampling::advance_row(cta, shared, p.sample, index, p.vocab, state.token);
    if (cta.thread_index() != 0) return;
    p.sample.tokens[index] = state.token;
    if (p.sample.status != nullptr) p.sample.status[index] = status;
  }
};

}  // namespace fllm
