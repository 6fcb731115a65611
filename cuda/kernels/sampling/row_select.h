// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row_bins.h"
#include "cuda/kernels/sampling/row_limit.h"
#include "cuda/kernels/sampling/row_list.h"

// Finds where a prefix of the total order ends that holds so many ids, or so much mass. Exact, in a fixed number of
// passes whatever the row looks like.
namespace fllm::sampling {

/// The cut among `count` listed ids of the first block, which holds every id that can be its end. Every block gets it.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE_LARGE Cut cut_in_list(const C& cta, SharedRow& shared, Row<C, kIds>& row, std::int32_t count,
                                  const Goal& goal) {
  Notice notice{};
  if (row.rank == 0) {  // the same for the whole block
    const MassFunction mass_of = row.mass();
    sort_list(cta, shared.list, count);
    const Crossing crossing = find_crossing(cta, shared.crossing, count, goal.amount, [&](std::int32_t i) {
      return goal.by_mass ? mass_of(code_value(shared.list.sorted[i])) : Mass{1};
    });
    notice.word[0] = static_cast<Mass>(shared.list.sorted[crossing.index]);
  }
  tell(cta, shared, row, notice);
  const auto code = static_cast<OrderCode>(shared.notices[row.turn][0].word[0]);
  return {code_value(code), code_id(code)};
}

/// The cut behind the first `ties` (>= 1) ids of a value, of which there are so many. Every block gets it.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE Cut cut_at_tie(const C& cta, SharedRow& shared, Row<C, kIds>& row, float value, Mass ties) {
  const auto is_tie = [&](float other, std::int32_t) { return other == value ? Mass{1} : Mass{0}; };
  const Sums sums = sum_weights(cta, shared, row, value, false, is_tie);
  const std::int32_t id = locate(cta, shared, row, sums, ties, is_tie);
  tell(cta, shared, row, {{static_cast<Mass>(id + 1)}});
  return {value, static_cast<std::int32_t>(heard<Mass>(cta, shared, row, 0, Maximum{})) - 1};
}

/// The cut among the ids with values in [low, above) (above NaN: all from low on), by four rounds over 8 bits of the key and one over ids: for more ids
/// than a list holds, many of them equal.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE_RARE Outcome<Cut> cut_in_row(C cta, SharedRow& shared, Row<C, kIds> row, float low, float above,
                                         Goal goal) {
  constexpr std::int32_t kDigitBits = 8;
  const MassFunction mass_of = row.mass();
  const auto weigh = [&](float value) { return goal.by_mass ? mass_of(value) : Mass{1}; };
  std::uint32_t prefix = 0;  // the digits found so far, of keys flipped so that larger ones come first
  Mass rest = goal.amount;
  for (std::int32_t shift = 32 - kDigitBits; shift >= 0; shift -= kDigitBits) {
    const auto inside = [&](float value) {
      const std::uint32_t flipped = ~key_word(value);
      return shift == 32 - kDigitBits || (flipped >> (shift + kDigitBits)) == prefix;
    };
    fill_bins(
        cta, shared, row, low, above,
        [&](float value) { return static_cast<std::int32_t>((~key_word(value) >> shift) & ((1u << kDigitBits) - 1)); },
        [&](float value) { return inside(value) ? weigh(value) : Mass{0}; });
    const BinCrossing crossing = find_bin(cta, shared, row, {rest, goal.by_mass});
    prefix = (prefix << kDigitBits) | static_cast<std::uint32_t>(crossing.bin);
    rest = crossing.rest;
  }
  const float value = from_key_word(~prefix);
  const Mass each = weigh(value);  // > 0: it made the goal
  const Cut cut = cut_at_tie(cta, shared, row, value, (rest + each - 1) / each);
  return {cut, row.turn};
}

/// Values of [lowest, above) (above NaN: all from lowest on), among which a goal is reached.
struct ValueRange {
  float lowest;
  float above;
  Goal goal;
};

/// Narrows a range to the values of one bin. False when all its values do not reach the goal.
template <Cta C, std::int32_t kIds, class BinOf>
FLLM_DEVICE bool narrow(const C& cta, SharedRow& shared, Row<C, kIds>& row, ValueRange& range, const BinOf& bin_of) {
  const float lowest = range.lowest;
  if (range.goal.by_mass) {
    const MassFunction mass_of = row.mass();
    fill_bins(cta, shared, row, lowest, range.above, bin_of, [&](float value) { return mass_of(value); });
  } else {
    fill_bins(cta, shared, row, lowest, range.above, bin_of, [](float) { return Mass{1}; });
  }
  const BinCrossing crossing = find_bin(cta, shared, row, range.goal);
  if (crossing.bin < 0) return false;
  range.lowest = limit_of(cta, shared, row.maximum, 1,
                          [&](float value) { return bin_of(value) <= crossing.bin && value >= lowest; });
  if (crossing.bin > 0) {
    range.above = limit_of(cta, shared, row.maximum, 2, [&](float value) { return bin_of(value) < crossing.bin; });
  }
  range.goal = {crossing.rest, range.goal.by_mass};
  return true;
}

/// The cut within the values of at least `least`; {least, all ids} when they do not reach the goal.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE_RARE Outcome<Cut> select_cut(C cta, SharedRow& shared, Row<C, kIds> row, float least, Goal goal) {
  // Distances from +inf say nothing.
  if (row.maximum == infinity32()) return cut_in_row(cta, shared, row, least, not_a_number32(), goal);
  ValueRange range{least, not_a_number32(), goal};
  const DistanceBins distance_bins{row.maximum, row.scale, row.mass().least};
  if (!narrow(cta, shared, row, range, distance_bins)) return {{least}, row.turn};
  clear_list(cta, shared);
  std::int32_t count = collect(cta, shared, row, {range.lowest}, range.above);
  if (count > kListCapacity) {  // once more, over the bin alone
    const float top = range.above == range.above ? range.above : row.maximum;
    const float width = top - range.lowest;
    if (width > 0x1p-100f) {
      clear_list(cta, shared);  // the bins take the list's place
      narrow(cta, shared, row, range, EvenBins{top, kBins / width});
      clear_list(cta, shared);
      count = collect(cta, shared, row, {range.lowest}, range.above);
    }
  }
  if (count > kListCapacity) return cut_in_row(cta, shared, row, range.lowest, range.above, range.goal);
  const Cut cut = cut_in_list(cta, shared, row, count, range.goal);
  return {cut, row.turn};
}

}  // namespace fllm::sampling
