// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row_outputs.h"
#include "cuda/kernels/sharding/shard_decide.h"

// What a rank tells the others of its slice. The first block writes it; the row's words are 0 before.
namespace fllm::sharding {

using sampling::Cut;
using sampling::Row;

/// Its first id, whether there was a NaN, and for a row with a short top-k its first ids.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE_LARGE void report_first(const C& cta, SharedRow& shared, Row<C, kIds>& row, const ShardParams& p,
                                    Mass* words) {
  const RowSampling& s = shared.sampling();
  const bool listed = is_listed(p, s) && !sampling::is_greedy(s);
  const std::int32_t size = p.list_size < row.vocab ? p.list_size : row.vocab;
  const sampling::Summary summary = sampling::summarise(cta, shared, row, listed ? size : 0);
  const bool writes = row.rank == 0 && cta.thread_index() == 0;
  if (writes && (summary.status & kSampleNan) != 0) words[p.ranks] = 1;
  if (row.maximum == -infinity32()) return;  // the same for all blocks
  const std::int32_t first = sampling::draw_first(cta, shared, row).token;
  if (writes) words[p.rank] = code_word(sampling::order_code(row.maximum, row.first_id + first));
  if (!listed || row.maximum == infinity32()) return;
  row.scale = mass_scale(s.temperature);
  const std::int32_t count = resume(row, sampling::list_top(cta, shared, row, summary.bound, size));
  if (row.rank != 0) return;
  for (std::int32_t i = cta.thread_index(); i < size && i < count; i += cta.thread_count()) {
    const OrderCode code = shared.list.sorted[i];
    const OrderCode whole = sampling::order_code(sampling::code_value(code), row.first_id + sampling::code_id(code));
    words[p.ranks + 1 + p.rank * p.list_size + i] = code_word(whole);
  }
}

/// How its values, or their masses, spread over the next digit.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE_LARGE void report_digits(const C& cta, SharedRow& shared, const Row<C, kIds>& row, const ShardState& state,
                                     Mass* words) {
  const std::int32_t before = 32 - state.digits * kShardDigitBits;  // bits that are not known
  const std::int32_t shift = before > kShardDigitBits ? before - kShardDigitBits : 0;
  const MassFunction mass = row.mass();
  for (std::int32_t first = 0; first < kShardBins; first += sampling::kBins) {  // as many at once as there is room for
    const auto digit_of = [&](float value) {
      return static_cast<std::int32_t>((~sampling::key_word(value) >> shift) & (kShardBins - 1)) - first;
    };
    const auto inside = [&](float value) {
      const std::int32_t digit = digit_of(value);
      const bool known = state.digits == 0 || (~sampling::key_word(value) >> before) == state.prefix;
      return known && digit >= 0 && digit < sampling::kBins;
    };
    sampling::fill_bins(
        cta, shared, row, state.low, not_a_number32(),
        [&](float value) { return digit_of(value) & (sampling::kBins - 1); },
        [&](float value) { return !inside(value)       ? Mass{0}
                                  : state.by_mass != 0 ? mass(value)
                                                       : Mass{1}; });
    const sampling::BinShare own = sampling::share_bins(cta, shared, row);
    cta.cluster_sync();  // every block's share is there
    for (std::int32_t i = cta.thread_index(); row.rank == 0 && i < sampling::kBins; i += cta.thread_count()) {
      words[first + i] = *cta.remote(&shared.bins[i], i / own.width);
    }
    cta.cluster_sync();  // the bins have been read
  }
}

/// How many of its ids have the cut's value, and the mass above it.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE_LARGE void report_masses(const C& cta, SharedRow& shared, Row<C, kIds>& row, const ShardParams& p,
                                     const ShardState& state, Mass* words) {
  const MassFunction mass = row.mass();
  const float cut = state.cut;
  const sampling::Sums ties = sampling::sum_weights(
      cta, shared, row, cut, false, [&](float value, std::int32_t) { return value == cut ? Mass{1} : Mass{0}; });
  const sampling::Sums above = sampling::sum_weights(
      cta, shared, row, cut, false, [&](float value, std::int32_t) { return value > cut ? mass(value) : Mass{0}; });
  if (row.rank != 0 || cta.thread_index() != 0) return;
  words[2 * p.rank] = ties.total;
  words[2 * p.rank + 1] = above.total;
}

/// The token, from the rank that has it.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE_LARGE void report_token(const C& cta, SharedRow& shared, Row<C, kIds>& row, const ShardState& state,
                                    Mass* words) {
  Cut cut{state.cut, -1};
  if (state.cut_ties > 0) {
    cut = sampling::cut_at_tie(cta, shared, row, state.cut, static_cast<Mass>(state.cut_ties));
  }
  const MassFunction mass = row.mass();
  const auto kept_mass = [&](float value, std::int32_t id) { return cut.keeps(value, id) ? mass(value) : Mass{0}; };
  const sampling::Sums sums = sampling::sum_weights(cta, shared, row, state.cut, false, kept_mass);
  const std::int32_t id = sampling::locate(cta, shared, row, sums, state.rest, kept_mass);
  sampling::tell(cta, shared, row, {{id >= 0 ? static_cast<Mass>(row.first_id + id) + 1 : 0}});
  const Mass found = sampling::heard<Mass>(cta, shared, row, 0, Maximum{});
  if (row.rank == 0 && cta.thread_index() == 0) words[0] = found;
}

}  // namespace fllm::sharding
