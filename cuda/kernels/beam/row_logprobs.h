// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/beam/rank_counts.h"
#include "cuda/kernels/sampling/row_outputs.h"

// A row's edited values, and what its log-probabilities are made of.
namespace fllm::beams {

/// Replaces every value of the block by change(value, id), each lane its own.
template <Cta C, std::int32_t kIds, class Change>
FLLM_DEVICE void change_values(const C& cta, const Row<C, kIds>& row, const Change& change) {
  for (std::int32_t chunk = cta.warp(); chunk < row.layout.chunks; chunk += cta.warp_count()) {
    sampling::each_value(cta, row, chunk, [&](float value, std::int32_t id) { row.own(id) = change(value, id); });
  }
}

/// Where a row's logits are and how they are edited.
template <class LogitT>
struct RowSource {
  const SampleParams* params;
  std::int64_t index;  // of its parameters
  const LogitT* logits;
  bool normalised_first;  // edits change log-probabilities
};

/// Edited values from logits; with normalised_first, of their log-probabilities. The parts' maxima are there afterwards.
template <Cta C, class LogitT>
FLLM_DEVICE void open_values(const C& cta, SharedRow& shared, Row<C, sampling::kRowIds<C, LogitT>>& row,
                             const RowSource<LogitT>& source) {
  using namespace sampling;
  const SampleParams& p = *source.params;
  const std::uint32_t* mask = mask_of(p, source.index);
  const bool has_nan = load_slice(cta, row, source.logits, source.normalised_first ? nullptr : mask);
  if (cta.lane() == 0) shared.warp_has_nan[cta.warp()] = has_nan ? 1 : 0;
  cta.sync();  // the block's values, their parts' maxima and the row's parameters are there
  if (source.normalised_first) {
    const RawTotals raw = resume(row, measure_raw(cta, shared, row));
    change_values(cta, row, [&](float value, std::int32_t id) {
      if (raw.infinite_id >= 0) return id == raw.infinite_id ? 0.0f : -infinity32();
      return value > -infinity32() ? (value - raw.maximum) - raw.log_total : value;
    });
    if (mask != nullptr) forbid_masked(cta, row, mask);
  }
  edit_loaded(cta, shared, row, p, mask != nullptr || source.normalised_first);
}

/// The candidates of a drawn row: what its filters keep, by log-probability among them and noise.
template <Cta C, class LogitT>
FLLM_DEVICE_RARE std::int32_t list_drawn(C cta, SharedRow& shared, Row<C, sampling::kRowIds<C, LogitT>> row,
                                         RowSource<LogitT> source, float cum, RandomCounter counter, RowListing to) {
  using namespace sampling;
  const RowSampling& s = shared.sampling();
  const std::uint64_t seed = s.seed;
  row.scale = mass_scale(s.temperature);
  const MassFunction mass_of = row.mass();
  const bool certain = is_greedy(s) || row.maximum == infinity32();  // the first of the order alone
  Cut cut{row.maximum};
  if (certain) {
    cut.id = draw_first(cta, shared, row).token;
  } else {
    cut = filter(cta, shared, row, s, kLowestValue);
  }
  const auto kept_mass = [&](float value, std::int32_t id) {
    return !cut.keeps(value, id) ? Mass{0} : certain ? kFullMass : mass_of(value);
  };
  const Mass kept = sum_weights(cta, shared, row, cut.value, false, kept_mass).total;
  const float log_kept = log_mass(kept);
  const auto logprob = [&](float value, std::int32_t id) {
    const Mass mass = kept_mass(value, id);
    return mass > 0 ? log_mass(mass) - log_kept : -infinity32();
  };
  RankSieve sieve;
  if constexpr (C::kWarpWidth == 1) {  // on a device it would not fit the registers
    const bool few = certain || (s.top_k > 0 && s.top_k / 64 <= to.wanted);
    if (!few) sieve = RankSieve::of(cum, kept, to.wanted);
  }
  while (true) {  // once more at most: without a sieve, where a few ids have nearly all the mass
    if (sieve.bound > -infinity32()) {
      change_values(cta, row, [&](float value, std::int32_t id) {
        const float weight =
            mass_of.exp2.template scaled<0>(max32((value - mass_of.maximum) * mass_of.scale, mass_of.least));
        return sieve.passes(weight, noise_block(seed, counter, id)) ? value : -infinity32();
      });
    }
    change_values(cta, row, [&](float value, std::int32_t id) {
      const float sum = cum + logprob(value, id);
      return sum > -infinity32() ? sum + gumbel_noise(noise_block(seed, counter, id)) : -infinity32();
    });
    measure_parts(cta, row);
    clear_list(cta, shared);  // barriers too: the parts' maxima are there, and nobody asks for the last summary
    if (!(sieve.bound > -infinity32())) break;
    const Mass found = sum_weights(cta, shared, row, sieve.bound, false, [&](float value, std::int32_t) {
                         return value >= sieve.bound ? Mass{1} : Mass{0};
                       }).total;
    if (found >= static_cast<Mass>(to.wanted)) break;  // the same for the whole row
    sieve = {};
    open_values(cta, shared, row, source);
  }
  const bool bounded = to.wanted <= kMaxBoundCount;
  const Summary summary = summarise(cta, shared, row, bounded ? to.wanted : 0);
  const std::int32_t count =
      list_bounded(cta, shared, row, CandidateRank{0, 0, 0}, bounded ? summary.bound : not_a_number32(), to);
  open_values(cta, shared, row, source);
  cta.cluster_sync();  // the values of all blocks are there
  for (std::int32_t i = cta.thread_index(); row.rank == 0 && i < count; i += cta.thread_count()) {
    const std::int32_t id = to.list.entries[i].id;
    to.list.entries[i].logprob = logprob(row.any(cta, id), id);
  }
  return count;
}

}  // namespace fllm::beams
