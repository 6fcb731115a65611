// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row_result.h"

// A stretch of the total order, which is what any of the further filters keeps, and what they ask about it.
namespace fllm::sampling {

struct Stretch {
  Start start;
  Cut end;

  [[nodiscard]] FLLM_DEVICE bool keeps(float value, std::int32_t id) const {
    return start.keeps(value, id) && end.keeps(value, id);
  }
  /// Leaves out values below `least`.
  FLLM_DEVICE void keep_from(float least) {
    if (least > end.value) end = {least};
  }
};

/// Calls f(value, id) for the lane's ids of the stretch in this block.
template <Cta C, std::int32_t kIds, class F>
FLLM_DEVICE void each_kept(const C& cta, const Row<C, kIds>& row, const Stretch& kept, const F& f) {
  for (std::int32_t chunk = cta.warp(); chunk < row.layout.chunks; chunk += cta.warp_count()) {
    each_at_least(cta, row, chunk, kept.end.value, [&](float value, std::int32_t id) {
      if (kept.keeps(value, id)) f(value, id);
    });
  }
}

/// Sums of up to three weights over the whole row, of every thread's own.
struct Totals {
  Mass of[3];
};
template <Cta C, std::int32_t kIds>
FLLM_DEVICE Totals add_up(const C& cta, SharedRow& shared, Row<C, kIds>& row, const Totals& own) {
  Notice notice{};
  for (std::int32_t i = 0; i < 3; ++i) notice.word[i] = block_reduce(cta, shared.sums[i], own.of[i], Sum{});
  tell(cta, shared, row, notice);
  Totals all{};
  for (std::int32_t i = 0; i < 3; ++i) all.of[i] = heard<Mass>(cta, shared, row, i, Sum{});
  return all;
}

template <Cta C, std::int32_t kIds>
FLLM_DEVICE_RARE Outcome<Mass> mass_of_stretch(C cta, SharedRow& shared, Row<C, kIds> row, Stretch kept) {
  const MassFunction mass_of = row.mass();
  Totals own{};
  each_kept(cta, row, kept, [&](float value, std::int32_t) { own.of[0] += mass_of(value); });
  const Mass mass = add_up(cta, shared, row, own).of[0];
  return {mass, row.turn};
}

/// The ids of a stretch whose mass is at least `least`: how many, and where they end; and where the stretch begins.
struct Likely {
  std::int32_t count;
  OrderCode last;   // of the likely ones, when there are any
  OrderCode first;  // of the stretch
};
template <Cta C, std::int32_t kIds>
FLLM_DEVICE_RARE Outcome<Likely> find_likely(C cta, SharedRow& shared, Row<C, kIds> row, Stretch kept, Mass least) {
  // As words that are larger for what comes earlier, 0 for nothing.
  const auto word_of = [](OrderCode code) { return static_cast<Mass>(code) ^ (Mass{1} << 63); };
  const auto code_of = [](Mass word) { return static_cast<OrderCode>(word ^ (Mass{1} << 63)); };
  const MassFunction mass_of = row.mass();
  Mass count = 0, last = ~Mass{0}, first = 0;
  each_kept(cta, row, kept, [&](float value, std::int32_t id) {
    const Mass mass = mass_of(value), word = word_of(order_code(value, id));
    first = word > first ? word : first;
    last = mass >= least && word < last ? word : last;
    count += mass >= least ? 1 : 0;
  });
  count = block_reduce(cta, shared.sums[0], count, Sum{});
  last = block_reduce(cta, shared.sums[1], last, Minimum{});
  first = block_reduce(cta, shared.sums[2], first, Maximum{});
  tell(cta, shared, row, {{count, last, first}});
  const Likely likely{static_cast<std::int32_t>(heard<Mass>(cta, shared, row, 0, Sum{})),
                      code_of(heard<Mass>(cta, shared, row, 1, Minimum{})),
                      code_of(heard<Mass>(cta, shared, row, 2, Maximum{}))};
  return {likely, row.turn};
}

}  // namespace fllm::sampling
