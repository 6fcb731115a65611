// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row_choice.h"
#include "cuda/kernels/sampling/row_load.h"

// The optional outputs of a row. None of them changes the draw.
namespace fllm::sampling {

/// What measure_raw finds of a row's unedited logits at temperature 1.
struct RawTotals {
  float maximum = 0;
  float log_total = 0;            // ln(sum of masses / 2^40)
  std::int32_t infinite_id = -1;  // lowest id whose raw logit is +inf
};

/// The model's own distribution: log-softmax of the sanitised, unedited logits at temperature 1, from integer masses.
template <class LogitT>
struct RawDistribution {
  const LogitT* logits;
  RawTotals totals;

  [[nodiscard]] FLLM_DEVICE float logprob(std::int32_t id) const {
    if (totals.infinite_id >= 0) return id == totals.infinite_id ? 0.0f : -infinity32();
    const float l = sanitised(to_float(logits[id]));
    return l > -infinity32() ? (l - totals.maximum) - totals.log_total : -infinity32();
  }
};

/// Of the row as it was loaded: no mask, no edits yet.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE_RARE Outcome<RawTotals> measure_raw(C cta, SharedRow& shared, Row<C, kIds> row) {
  (void)summarise(cta, shared, row, 0);
  RawTotals raw{row.maximum, 0, -1};
  if (row.maximum == infinity32()) {
    const std::int32_t first = first_of_maximum(cta, shared, row);
    tell(cta, shared, row, {{static_cast<Mass>(first)}});
    raw.infinite_id = static_cast<std::int32_t>(heard<std::uint32_t>(cta, shared, row, 0, Minimum{}));
  } else if (row.maximum > -infinity32()) {
    row.scale = mass_scale(1.0f);
    const MassFunction mass_of = row.mass();
    const Sums sums =
        sum_weights(cta, shared, row, -infinity32(), true, [&](float value, std::int32_t) { return mass_of(value); });
    raw.log_total = log_mass(sums.total);
  }
  return {raw, row.turn};
}

/// Which ids can still be drawn: the kept set, or one id alone (greedy, +inf), or none.
template <Cta C, std::int32_t kIds>
struct Support {
  const Row<C, kIds>& row;
  const Drawn& drawn;
  MassFunction mass_of;

  [[nodiscard]] FLLM_DEVICE Mass mass(float value, std::int32_t id) const {
    if (drawn.kept_count <= 1) return drawn.kept_count == 1 && id == drawn.token ? drawn.kept_mass : 0;
    return drawn.start.keeps(value, id) && drawn.cut.keeps(value, id) ? mass_of(value) : 0;
  }
  /// ln(mass / kept mass)
  [[nodiscard]] FLLM_DEVICE float logprob(Mass part) const {
    return part > 0 ? log_mass(part) - log_mass(drawn.kept_mass) : -infinity32();
  }
};

/// An id of this value, which so many precede.
struct RankedId {
  std::int32_t id;
  float value;
  std::int32_t rank;
};

template <Cta C, std::int32_t kIds, class LogitT>
FLLM_DEVICE void write_detail(const C& cta, const Support<C, kIds>& support, const RawDistribution<LogitT>& raw,
                              const RankedId& id, SampleDetail* out) {
  if (support.row.rank != 0 || cta.thread_index() != 0) return;
  const Drawn& drawn = support.drawn;
  const float own = drawn.kept_count > 0 ? raw.logprob(id.id) : -infinity32();
  const float processed = support.logprob(support.mass(id.value, id.id));
  *out = {own, processed, id.rank, drawn.kept_count, drawn.kept_mass};
}

/// The first top_count ids of a sorted list of `count`, which holds at least as many or all that are allowed; -1 behind
/// them. The first block's.
template <Cta C, std::int32_t kIds, class LogitT>
FLLM_DEVICE void write_top(const C& cta, const ShortList& list, std::int32_t count, const Support<C, kIds>& support,
                           const RawDistribution<LogitT>& raw, std::int32_t top_count, TopEntry* out) {
  for (std::int32_t i = cta.thread_index(); i < top_count; i += cta.thread_count()) {
    if (i < count) {
      const float value = code_value(list.sorted[i]);
      const std::int32_t id = code_id(list.sorted[i]);
      out[i] = {id, raw.logprob(id), support.logprob(support.mass(value, id))};
    } else {
      out[i] = {-1, -infinity32(), -infinity32()};
    }
  }
}

/// Puts the first top_count ids of the row into the list, sorted; returns how many the list then holds.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE_RARE Outcome<std::int32_t> list_top(C cta, SharedRow& shared, Row<C, kIds> row, float bound,
                                                std::int32_t top_count) {
  clear_list(cta, shared);
  std::int32_t count = collect(cta, shared, row, {bound}, not_a_number32());
  if (count > kListCapacity) {
    const Cut cut = resume(row, select_cut(cta, shared, row, kLowestValue, {static_cast<Mass>(top_count), false}));
    clear_list(cta, shared);
    count = collect(cta, shared, row, cut, not_a_number32());
  }
  if (row.rank == 0) sort_list(cta, shared.list, count);
  cta.cluster_sync();  // no block leaves while another reads the count from it
  return {count, row.turn};
}

template <Cta C, std::int32_t kIds>
FLLM_DEVICE_LARGE void write_probabilities(const C& cta, const Row<C, kIds>& row, const Support<C, kIds>& support,
                                           float* out) {
  const float total = static_cast<float>(support.drawn.kept_mass);
  for (std::int32_t chunk = cta.warp(); chunk < row.layout.chunks; chunk += cta.warp_count()) {
    each_value(cta, row, chunk, [&](float value, std::int32_t id) {
      if (id >= row.vocab) return;
      const Mass mass = support.mass(value, id);
      out[id] = mass > 0 ? static_cast<float>(mass) / total : 0.0f;
    });
  }
}

}  // namespace fllm::sampling
