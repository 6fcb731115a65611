// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/extra_filters.h"

// Which way a row goes. It decides about time, never about the result.
namespace fllm::sampling {

/// Ids that hold what top-p keeps of most rows.
constexpr std::int32_t kTopPGuess = 96;

/// For how many ids of the row a list is worth trying, at most kMaxBoundCount; 0: none.
FLLM_DEVICE std::int32_t list_count(const RowSampling& s, std::int32_t vocab) {
  if (is_greedy(s)) return 0;
  if (has_top_k(s, vocab)) return s.top_k <= kMaxBoundCount ? s.top_k : 0;
  return s.top_p_on != 0 ? kTopPGuess : 0;
}

/// Whether the listed ids, all from bound on, seem to have the share of mass that top-p asks for, judged by the first values
/// of every part. A guess: it decides about the way, not about the result.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE bool list_seems_enough(const C& cta, SharedRow& shared, Row<C, kIds>& row, float bound,
                                   std::int32_t listed) {
  constexpr std::int32_t kSample = 4;  // values of a part
  const MassFunction mass_of = row.mass();
  Mass sample = 0, list_mass = 0;
  for (std::int32_t chunk = cta.warp(); chunk < row.layout.chunks; chunk += cta.warp_count()) {
    const float* values = row.values + chunk * row.layout.chunk_width + cta.lane() * kSample;
    for (std::int32_t i = 0; i < kSample; ++i) sample += values[i] < bound ? mass_of(values[i]) : 0;
  }
  for (std::int32_t i = cta.thread_index(); row.rank == 0 && i < listed; i += cta.thread_count()) {
    list_mass += mass_of(code_value(shared.list.code[i]));
  }
  sample = block_reduce(cta, shared.crossing.slots, sample, Sum{});
  list_mass = block_reduce(cta, shared.list_slots, list_mass, Sum{});
  tell(cta, shared, row, {{sample, list_mass}});
  const Mass rest = heard<Mass>(cta, shared, row, 0, Sum{}) * (row.layout.chunk_width / (C::kWarpWidth * kSample));
  const Mass listed_mass = heard<Mass>(cta, shared, row, 1, Sum{});
  return listed_mass >= top_p_target(shared.sampling().top_p, listed_mass + rest);
}

/// From the whole row. measured: the rank and the count are wanted.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE_LARGE Drawn draw_unlisted(const C& cta, SharedRow& shared, Row<C, kIds>& row, bool measured,
                                      const ExtraFilters& extra) {
  float least = kLowestValue;
  if (extra.row != nullptr) least = resume(row, find_sigma_floor(cta, shared, row, *extra.row));
  const Cut cut = filter(cta, shared, row, shared.sampling(), least);
  if (extra.row != nullptr) return resume(row, draw_stretch(cta, shared, row, extra, cut, measured));
  const MassFunction mass = row.mass();
  const auto kept_mass = [&](float value, std::int32_t id) { return cut.keeps(value, id) ? mass(value) : 0; };
  const bool everything = cut.value == kLowestValue;
  Drawn drawn = everything ? draw_by_mass(cta, shared, row, cut.value, true,
                                          [&](float value, std::int32_t) { return mass(value); })
                           : draw_by_mass(cta, shared, row, cut.value, false, kept_mass);
  drawn.cut = cut;
  return measured ? resume(row, measure_drawn(cta, shared, row, drawn)) : drawn;
}

/// What is drawn, and how many ids the sorted list holds then; -1: there is none.
struct DrawnListed {
  Drawn drawn;
  std::int32_t listed;
};

/// By the shortest way: from a list where few ids can matter and prove to be all that is kept, from the whole row otherwise.
/// bound: of list_count ids. measured: as of draw_unlisted.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE DrawnListed draw(const C& cta, SharedRow& shared, Row<C, kIds>& row, float bound, bool measured,
                             const ExtraFilters& extra) {
  const RowSampling& s = shared.sampling();
  const bool top_k = has_top_k(s, row.vocab), min_p_alone = !top_k && s.min_mass > 1;
  if (extra.row == nullptr && (min_p_alone || list_count(s, row.vocab) > 0)) {
    if (min_p_alone) bound = support_floor(cta, shared, row.mass(), s.min_mass);
    const std::int32_t listed = collect(cta, shared, row, {bound}, not_a_number32());
    bool try_list = listed <= kListCapacity;  // more where many are equal
    Mass all = 0;
    if (try_list && !top_k && !min_p_alone && list_seems_enough(cta, shared, row, bound, listed)) {
      const MassFunction mass = row.mass();
      all = sum_weights(cta, shared, row, kLowestValue, true, [&](float value, std::int32_t) {
              return mass(value);
            }).total;
    } else if (!top_k && !min_p_alone) {
      try_list = false;
    }
    if (try_list) {
      const Drawn drawn = draw_listed(cta, shared, row, listed, all);
      if (drawn.kept_count > 0) return {drawn, min_p_alone ? -1 : listed};  // what min-p keeps may be fewer than bound
    }
  }
  return {draw_unlisted(cta, shared, row, measured, extra), -1};
}

}  // namespace fllm::sampling
