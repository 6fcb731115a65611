// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row_history.h"
#include "cuda/kernels/sampling/sigma_filter.h"
#include "cuda/kernels/sampling/typical_filter.h"

// The draw of rows with further filters.
namespace fllm::sampling {

/// Removes the ids of at least the threshold's share of mass, but for the last of them.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE void exclude_top(const C& cta, SharedRow& shared, Row<C, kIds>& row, float threshold, Stretch& kept) {
  const Mass least = top_p_target(top_p_units(threshold), resume(row, mass_of_stretch(cta, shared, row, kept)));
  const Likely likely = resume(row, find_likely(cta, shared, row, kept, least));
  if (likely.count > 0) kept.start = {code_value(likely.last), code_id(likely.last)};
}

/// Whether a row's XTC acts in this draw, by bits of its own.
FLLM_DEVICE bool xtc_acts(const RowSampling& s, const RowFilters& f) {
  if (!(f.xtc_probability > 0.0f)) return false;
  RandomCounter counter = s.random;
  counter.block += 1;
  const auto coin = static_cast<std::uint32_t>(random_bits(s.seed, counter) >> 32);
  return f.xtc_probability >= 1.0f || coin < top_p_units(f.xtc_probability);
}

/// ceil(2^-mu * mass), 2^-mu being a mass function's: of units of 2^-40.
FLLM_DEVICE Mass surprise_bound(float mu, Mass mass) {
  const float x = mu > 0.0f ? mu < 41.0f ? -mu : -41.0f : 0.0f;
  const Wide scaled = product(MassFunction{0.0f, 1.0f}(x), mass);
  const bool inexact = (scaled.low & (kFullMass - 1)) != 0;
  return (scaled.high << (64 - kMassBits)) + (scaled.low >> kMassBits) + (inexact ? 1 : 0);
}

/// Keeps ids that surprise by at most mu bits, and the first alone when none does.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE void keep_unsurprising(const C& cta, SharedRow& shared, Row<C, kIds>& row, float mu, Stretch& kept) {
  const Mass bound = surprise_bound(mu, resume(row, mass_of_stretch(cta, shared, row, kept))),
             least = bound > 0 ? bound : 1;
  const Likely likely = resume(row, find_likely(cta, shared, row, kept, least));
  if (likely.count > 0) {
    kept.keep_from(support_floor(cta, shared, row.mass(), least));
  } else {
    const float value = code_value(likely.first);
    const std::int32_t id = code_id(likely.first);
    kept = {{value, id}, {value, id}};
  }
}

/// mirostat's state after the draw of an id of this mass.
FLLM_DEVICE float next_mu(const RowFilters& f, float mu, Mass mass, Mass kept_mass) {
  const float eta = within(f.mirostat_eta, 0.0f, 0x1.fffffep127f, 0.1f);
  const float surprise = (log_mass(kept_mass) - log_mass(mass)) * 0x1.715476p+0f;
  return fma32(-eta, surprise - mirostat_tau(f), mu);
}

/// The further filters of a row's draw.
struct ExtraFilters {
  const RowFilters* row = nullptr;       // null: there are none
  const SequenceTable* state = nullptr;  // where mirostat's state is written; null: nowhere
};

/// The lowest value that top-n-sigma keeps.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE_RARE Outcome<float> find_sigma_floor(C cta, SharedRow& shared, Row<C, kIds> row, const RowFilters& f) {
  float least = kLowestValue;
  if (f.top_n_sigma > 0.0f) least = sigma_floor(cta, shared, row, within(f.top_n_sigma, 0.0f, kMaxSigmas, 0.0f));
  return {least, row.turn};
}

/// By the filters behind top-p, from what comes before `end` in the total order. measured: as of draw_unlisted.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE_RARE Outcome<Drawn> draw_stretch(C cta, SharedRow& shared, Row<C, kIds> row, ExtraFilters extra, Cut end,
                                             bool measured) {
  const RowFilters& f = *extra.row;
  Stretch kept{{}, end};
  if (f.typical_p < 1.0f) keep_typical(cta, shared, row, top_p_units(f.typical_p), kept);
  const float threshold = within(f.xtc_threshold, 0.0f, 1.0f, 0.1f);
  if (threshold < 1.0f && xtc_acts(shared.sampling(), f)) exclude_top(cta, shared, row, threshold, kept);
  const float mu = shared.mirostat_mu;
  if (f.mirostat_tau > 0.0f) keep_unsurprising(cta, shared, row, mu, kept);

  const MassFunction mass = row.mass();
  const auto kept_mass = [&](float value, std::int32_t id) { return kept.keeps(value, id) ? mass(value) : 0; };
  Drawn drawn = draw_by_mass(cta, shared, row, kept.end.value, false, kept_mass);
  drawn.cut = kept.end;
  drawn.start = kept.start;
  if (measured) drawn = resume(row, measure_drawn(cta, shared, row, drawn));
  if (extra.state != nullptr && row.rank == 0 && cta.thread_index() == 0) {
    keep_mu(*extra.state, f, next_mu(f, mu, mass(drawn.value), drawn.kept_mass));
  }
  return {drawn, row.turn};
}

}  // namespace fllm::sampling
