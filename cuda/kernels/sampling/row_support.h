// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/draft_params.h"
#include "cuda/kernels/sampling/row_outputs.h"

// What a row's filters kept, for a launch that weighs ids later.
namespace fllm::sampling {

/// A drawn token by which Support gives the masses of a support.
FLLM_DEVICE Drawn weighed_by(const RowSupport& s) {
  Drawn drawn;
  drawn.token = s.only_id;
  drawn.kept_count = s.only != 0 ? 1 : INT32_MAX;  // one, or more than one
  drawn.kept_mass = s.kept_mass;
  drawn.cut = {s.cut_value, s.cut_id};
  drawn.start = {s.start_value, s.start_id};
  return drawn;
}

/// The place of an id in the total order: how many ids precede it. A barrier of the row.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE std::int32_t rank_of(const C& cta, SharedRow& shared, Row<C, kIds>& row, float value, std::int32_t id) {
  const Cut before{value, id - 1};
  const Sums sums = sum_weights(cta, shared, row, value, false, [&](float other, std::int32_t other_id) {
    return before.keeps(other, other_id) ? Mass{1} : Mass{0};
  });
  return static_cast<std::int32_t>(sums.total);
}

/// What a row's draw left behind.
template <class LogitT>
struct RowFindings {
  Drawn drawn;
  RawDistribution<LogitT> raw;
};

/// Writes the row's support, and the details of the proposed id.
template <Cta C, std::int32_t kIds, class LogitT>
FLLM_DEVICE_RARE void write_support(C cta, SharedRow& shared, Row<C, kIds> row, const SampleParams& p,
                                    std::int64_t index, RowFindings<LogitT> found) {
  const Drawn& drawn = found.drawn;
  const bool empty = row.maximum == -infinity32();
  const bool only = empty || row.maximum == infinity32() || is_greedy(shared.sampling());
  const std::int32_t asked = p.proposed_ids != nullptr ? p.proposed_ids[index] : drawn.token;
  const std::int32_t id = asked >= 0 && asked < row.vocab ? asked : -1;
  tell(cta, shared, row, {{row.owns(id) ? Mass{key_word(row.own(id))} + 1 : 0}});
  const Mass told = heard<Mass>(cta, shared, row, 0, Maximum{});
  const float value = told > 0 ? from_key_word(static_cast<std::uint32_t>(told - 1)) : -infinity32();

  const RawTotals& raw = found.raw.totals;
  RowSupport out{row.maximum,
                 row.scale,
                 drawn.start.value,
                 drawn.start.id,
                 drawn.cut.value,
                 drawn.cut.id,
                 empty ? kFullMass : drawn.kept_mass,
                 only ? 1 : 0,
                 only ? drawn.token : -1,
                 id,
                 drawn.kept_count,
                 0,
                 raw.maximum,
                 raw.log_total,
                 raw.infinite_id,
                 0};
  const Drawn weighing = weighed_by(out);
  if (id >= 0) out.proposed_mass = Support<C, kIds>{row, weighing, row.mass()}.mass(value, id);
  if (row.rank == 0 && cta.thread_index() == 0) p.supports[index] = out;
  if (p.proposed_details == nullptr) return;  // the same for the whole row
  if (id >= 0) {
    const std::int32_t rank = rank_of(cta, shared, row, value, id);
    write_detail(cta, Support<C, kIds>{row, drawn, row.mass()}, found.raw, {id, value, rank},
                 p.proposed_details + index);
  } else if (row.rank == 0 && cta.thread_index() == 0) {
    p.proposed_details[index] = {-infinity32(), -infinity32(), row.vocab, drawn.kept_count, drawn.kept_mass};
  }
}

}  // namespace fllm::sampling
