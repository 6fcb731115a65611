// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row_list.h"
#include "cuda/portable/philox.h"

// The draw, once a short list holds everything that can be drawn.
namespace fllm::sampling {

/// What a row's result came from.
struct Drawn {
  std::int32_t token = 0;
  float value = 0;              // of the token
  std::int32_t rank = 0;        // ids that precede it in the total order
  std::int32_t kept_count = 0;  // 0: every id is forbidden
  Mass kept_mass = 0;
  Cut cut;        // the kept set's end, where more than one id is kept
  Start start{};  // and its beginning
};

/// Which of the sorted list's first ids are kept, and their mass.
struct KeptList {
  std::int32_t count;
  Mass mass;
};

/// Masses of the first `count` ids into `masses`, and the prefix of them that top-p leaves. all: the mass top-p takes a
/// share of, 0 when it is theirs; they may lack some of it, and then the share, which gives a count of 0. One warp.
template <Cta C, class MassOf>
FLLM_DEVICE KeptList keep_of_list(const C& cta, Mass* masses, std::int32_t count, const RowSampling& s, Mass all,
                                  const MassOf& mass_of) {
  Mass total = 0;
  std::int32_t kept = 0;
  for (std::int32_t i = cta.lane(); i < count; i += C::kWarpWidth) {
    const Mass mass = mass_of(i);
    total += mass;
    kept += mass > 0 ? 1 : 0;  // a prefix: masses never grow along the order
  }
  total = warp_reduce(cta, total, Sum{});
  kept = warp_reduce(cta, kept, Sum{});
  // Again, behind the lanes' last meeting, so that nothing but the barrier orders what they write here and read later.
  for (std::int32_t i = cta.lane(); i < kept; i += C::kWarpWidth) masses[i] = mass_of(i);
  cta.sync_warp();  // masses are written
  if (s.top_p_on == 0) return {kept, total};
  const Mass target = top_p_target(s.top_p, all > 0 ? all : total);
  if (target > total) return {0, 0};
  Mass running = 0;
  for (std::int32_t base = 0; base < kept; base += C::kWarpWidth) {
    const std::int32_t i = base + cta.lane();
    const Mass inclusive = running + warp_inclusive_sum(cta, i < kept ? masses[i] : 0);
    const std::uint32_t reached = cta.ballot(inclusive >= target);
    if (reached != 0) {
      const std::int32_t last = lowest_bit(reached);
      return {base + last + 1, cta.shuffle(inclusive, last)};
    }
    running = cta.shuffle(inclusive, C::kWarpWidth - 1);
  }
  return {kept, total};
}

/// Place in the sorted list of the first kept id, in ascending id, whose running mass reaches goal. One warp.
template <Cta C>
FLLM_DEVICE std::int32_t draw_of_list(const C& cta, const ShortList& list, const Mass* masses, std::int32_t kept,
                                      Mass goal) {
  std::int32_t found = 0;
  for (std::int32_t i = cta.lane(); i < kept; i += C::kWarpWidth) {
    const std::int32_t id = code_id(list.sorted[i]);
    Mass before = 0;
    for (std::int32_t j = 0; j < kept; ++j) before += code_id(list.sorted[j]) < id ? masses[j] : 0;
    if (before < goal && goal <= before + masses[i]) found = i;
  }
  return warp_reduce(cta, found, Maximum{});  // one lane has it, the others 0
}

/// Filters and draws from the sorted list of `count` ids, which holds the first of the row; `all` as of keep_of_list.
/// A kept count of 0: the list does not hold all that is kept. One warp; the list's codes are used up.
template <Cta C>
FLLM_DEVICE Drawn draw_from_list(const C& cta, SharedRow& shared, const MassFunction& mass_of, std::int32_t count,
                                 Mass all) {
  ShortList& list = shared.list;
  const RowSampling& s = shared.sampling();
  auto* masses = reinterpret_cast<Mass*>(list.code);
  const Mass least = s.min_mass > 0 ? s.min_mass : 1;
  const KeptList kept =
      keep_of_list(cta, masses, s.top_k > 0 && s.top_k < count ? s.top_k : count, s, all, [&](std::int32_t i) {
        const Mass mass = mass_of(code_value(list.sorted[i]));
        return mass >= least ? mass : 0;
      });
  if (kept.count == 0) return {};
  const std::int32_t place = draw_of_list(cta, list, masses, kept.count, multiply_high(shared.bits, kept.mass) + 1);
  const OrderCode last = list.sorted[kept.count - 1], found = list.sorted[place];
  return {code_id(found), code_value(found), place, kept.count, kept.mass, {code_value(last), code_id(last)}};
}

}  // namespace fllm::sampling
