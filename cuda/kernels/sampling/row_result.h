// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/list_draw.h"
#include "cuda/kernels/sampling/row_maximum.h"
#include "cuda/kernels/sampling/row_select.h"

// Ways to a row's token. Each ends with every block knowing what was drawn.
namespace fllm::sampling {

/// First of the total order. row.maximum is not -inf.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE Drawn draw_first(const C& cta, SharedRow& shared, Row<C, kIds>& row) {
  const std::int32_t owner = first_with(cta, shared, row, 0, key_word(row.maximum));
  Notice notice{};
  if (owner == row.rank) notice.word[0] = static_cast<Mass>(first_of_maximum(cta, shared, row));
  tell(cta, shared, row, notice);
  const auto token = static_cast<std::int32_t>(shared.notices[row.turn][owner].word[0]);
  return {token, row.maximum, 0, 1, kFullMass, {row.maximum, token}};
}

/// From a list of `count` ids that holds the first of the row: the first block does it. all, and a kept count of 0: as of
/// draw_from_list.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE_LARGE Drawn draw_listed(const C& cta, SharedRow& shared, Row<C, kIds>& row, std::int32_t count, Mass all) {
  Notice notice{};
  if (row.rank == 0) {  // the same for the whole block
    sort_list(cta, shared.list, count);
    if (cta.warp() == 0) {
      const Drawn d = draw_from_list(cta, shared, row.mass(), count, all);
      const Mass token = static_cast<std::uint32_t>(d.token), kept = static_cast<std::uint32_t>(d.kept_count);
      notice = {{token | static_cast<Mass>(d.rank) << 32, kept | Mass{key_word(d.value)} << 32, d.kept_mass,
                 static_cast<Mass>(order_code(d.cut.value, d.cut.id))}};
    }
  }
  tell(cta, shared, row, notice);
  const Notice& told = shared.notices[row.turn][0];
  const auto last = static_cast<OrderCode>(told.word[3]);
  return {static_cast<std::int32_t>(told.word[0] & 0xffffffffu),
          from_key_word(static_cast<std::uint32_t>(told.word[1] >> 32)),
          static_cast<std::int32_t>(told.word[0] >> 32),
          static_cast<std::int32_t>(told.word[1] & 0xffffffffu),
          told.word[2],
          {code_value(last), code_id(last)}};
}

/// The end of what min-p, top-k and top-p keep of the values of at least `least`.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE Cut filter(const C& cta, SharedRow& shared, Row<C, kIds>& row, const RowSampling& s, float least) {
  const bool top_k = has_top_k(s, row.vocab);
  if (!top_k && s.top_p_on == 0 && s.min_mass <= 1) return {least};  // no mass, no weight
  Cut cut{max32(least, support_floor(cta, shared, row.mass(), s.min_mass > 0 ? s.min_mass : 1))};
  Goal share{0, true, s.top_p};
  if (top_k) {
    cut = resume(row, select_cut(cta, shared, row, cut.value, {static_cast<Mass>(s.top_k), false}));
    if (s.top_p_on == 0) return cut;
    const MassFunction mass_of = row.mass();
    const Sums sums = sum_weights(cta, shared, row, cut.value, false, [&](float value, std::int32_t id) {
      return cut.keeps(value, id) ? mass_of(value) : 0;
    });
    share = {top_p_target(s.top_p, sums.total), true};
  }
  return s.top_p_on != 0 ? resume(row, select_cut(cta, shared, row, cut.value, share)) : cut;
}

/// Draws from the whole row: mass_of(value, id) is 0 for what is not kept, and below `least`.
template <Cta C, std::int32_t kIds, class MassOf>
FLLM_DEVICE Drawn draw_by_mass(const C& cta, SharedRow& shared, Row<C, kIds>& row, float least, bool dense,
                               const MassOf& mass_of) {
  const Sums sums = sum_weights(cta, shared, row, least, dense, mass_of);
  const std::int32_t id = locate(cta, shared, row, sums, multiply_high(shared.bits, sums.total) + 1, mass_of);
  Notice notice{};
  if (id >= 0) notice = {{static_cast<Mass>(id) + 1, key_word(row.own(id))}};
  tell(cta, shared, row, notice);
  Drawn drawn;
  drawn.token = static_cast<std::int32_t>(heard<std::uint32_t>(cta, shared, row, 0, Maximum{})) - 1;
  drawn.value = from_key_word(heard<std::uint32_t>(cta, shared, row, 1, Maximum{}));
  drawn.kept_mass = sums.total;
  return drawn;
}

/// Adds the rank and the count to a draw from the stretch that it names.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE_RARE Outcome<Drawn> measure_drawn(C cta, SharedRow& shared, Row<C, kIds> row, Drawn drawn) {
  constexpr std::int32_t kCountBits = 32;  // of the kept ones; above them those in front of the drawn one
  const MassFunction mass_of = row.mass();
  const Cut before{drawn.value, drawn.token - 1};
  const bool dense = drawn.cut.value == kLowestValue;
  const Sums sums = sum_weights(cta, shared, row, drawn.cut.value, dense, [&](float value, std::int32_t id) {
    const bool kept = drawn.start.keeps(value, id) && drawn.cut.keeps(value, id) && mass_of(value) > 0;
    return (before.keeps(value, id) ? Mass{1} << kCountBits : Mass{0}) + (kept ? Mass{1} : Mass{0});
  });
  drawn.rank = static_cast<std::int32_t>(sums.total >> kCountBits);
  drawn.kept_count = static_cast<std::int32_t>(sums.total & ((Mass{1} << kCountBits) - 1));
  return {drawn, row.turn};
}

}  // namespace fllm::sampling
