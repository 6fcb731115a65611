// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/beam/select_memory.h"

// The first candidates of a group, in order.
namespace fllm::beams {

FLLM_DEVICE CandidateCode candidate_code(float rank, std::uint32_t place) {
  return CandidateCode{to_ordered(rank + 0.0f)} * 0x100000000 + (0xffffffffu - place);
}

/// Beams of earlier groups that go on with a token.
FLLM_DEVICE std::int32_t times_taken(const std::int32_t* taken, std::int32_t count, std::int32_t token) {
  std::int32_t times = 0;
  for (std::int32_t i = 0; i < count; ++i) times += taken[i] == token ? 1 : 0;
  return times;
}

/// Calls f(code, place) for every candidate of a group's live beams, a warp to a beam.
template <Cta C, class F>
FLLM_DEVICE void each_candidate(const C& cta, const SelectStep& s, std::int32_t first_slot, std::int32_t taken_count,
                                const F& f) {
  const BeamRules& rules = s.search.rules;
  for (std::int32_t k = first_slot + cta.warp(); k < first_slot + s.group_width; k += cta.warp_count()) {
    if (!lives(s.search, k)) continue;
    const std::int64_t row = rules.first_row + k;
    const std::int32_t listed = s.p.candidate_counts[row], room = s.p.candidate_stride;
    const std::int32_t count = listed < 0 ? 0 : listed < room ? listed : room;
    const BeamCandidate* list = s.p.candidates + row * room;
    for (std::int32_t i = cta.lane(); i < count; i += C::kWarpWidth) {
      const BeamCandidate candidate = list[i];
      if (candidate.id < 0 || candidate.id >= s.p.vocab) continue;
      float rank = candidate.rank;
      const std::int32_t times = taken_count > 0 ? times_taken(s.arrays.taken, taken_count, candidate.id) : 0;
      if (times > 0) rank = fma32(-rules.diversity_penalty, static_cast<float>(times), rank);
      if (!(rank > -infinity32())) continue;
      f(candidate_code(rank, static_cast<std::uint32_t>(k) * static_cast<std::uint32_t>(s.p.vocab) +
                                 static_cast<std::uint32_t>(candidate.id)),
        static_cast<std::uint32_t>(k * room + i));
    }
  }
}

/// A code that the first `wanted` candidates reach and at most `room` do, wanted <= room: digit by digit from the highest,
/// until the rest of the digits does not matter.
template <Cta C>
FLLM_DEVICE_LARGE CandidateCode code_bound(const C& cta, SelectShared& shared, const SelectStep& s,
                                           std::int32_t first_slot, std::int32_t taken_count, std::int32_t wanted) {
  constexpr std::uint64_t kSign = std::uint64_t{1} << 63;  // makes the order of codes that of unsigned numbers
  std::uint64_t prefix = 0;
  Mass above = 0;  // candidates whose digits are larger
  for (std::int32_t shift = 64 - kDigitBits; shift >= 0; shift -= kDigitBits) {
    for (std::int32_t i = cta.thread_index(); i < kDigits; i += cta.thread_count()) shared.digits[i] = 0;
    cta.sync();  // digits are empty before anyone adds
    each_candidate(cta, s, first_slot, taken_count, [&](CandidateCode code, std::uint32_t) {
      const std::uint64_t key = static_cast<std::uint64_t>(code) ^ kSign;
      if (shift < 64 - kDigitBits && (key >> (shift + kDigitBits)) != prefix) return;
      cta.atomic_add(&shared.digits[(key >> shift) & (kDigits - 1)], 1u);
    });
    cta.sync();  // digits are counted
    const Crossing crossing = find_crossing(cta, shared.crossing, kDigits, static_cast<Mass>(wanted) - above,
                                            [&](std::int32_t i) { return Mass{shared.digits[kDigits - 1 - i]}; });
    if (crossing.index < 0) return INT64_MIN;  // there are fewer
    prefix = prefix << kDigitBits | static_cast<std::uint64_t>(kDigits - 1 - crossing.index);
    above += crossing.before;
    const Mass reached = above + shared.digits[kDigits - 1 - crossing.index];
    if (reached <= static_cast<Mass>(s.sorted)) return static_cast<CandidateCode>((prefix << shift) ^ kSign);
    cta.sync();  // digits have been read
  }
  return static_cast<CandidateCode>(prefix ^ kSign);  // codes are distinct, so it is reached by `wanted` of them
}

/// Lists the candidates that reach a bound; returns how many there are, those without room included.
template <Cta C>
FLLM_DEVICE std::int32_t gather_candidates(const C& cta, SelectShared& shared, const SelectStep& s,
                                           std::int32_t first_slot, std::int32_t taken_count, CandidateCode bound) {
  if (cta.thread_index() == 0) shared.listed = 0;
  cta.sync();  // nothing is listed yet, and nobody uses the lists
  each_candidate(cta, s, first_slot, taken_count, [&](CandidateCode code, std::uint32_t place) {
    if (code < bound) return;
    const std::uint32_t at = cta.atomic_add(&shared.listed, 1u);
    if (at >= static_cast<std::uint32_t>(s.sorted)) return;
    s.arrays.codes[at] = code;
    s.arrays.places[at] = place;
  });
  cta.sync();  // the lists are complete
  return static_cast<std::int32_t>(shared.listed);
}

/// Sorts the lists in descending order by a bitonic network, which needs no order of threads and no memory of its own.
template <Cta C>
FLLM_DEVICE void sort_candidates(const C& cta, const SelectArrays& arrays, std::int32_t count) {
  std::int32_t size = 1;
  while (size < count) size *= 2;
  for (std::int32_t i = count + cta.thread_index(); i < size; i += cta.thread_count()) {
    arrays.codes[i] = INT64_MIN;  // behind all others
    arrays.places[i] = 0;
  }
  for (std::int32_t run = 2; run <= size; run *= 2) {
    for (std::int32_t step = run / 2; step > 0; step /= 2) {
      cta.sync();  // what the last turn exchanged is there
      for (std::int32_t i = cta.thread_index(); i < size / 2; i += cta.thread_count()) {
        const std::int32_t low = i / step * 2 * step + i % step, high = low + step;
        const CandidateCode a = arrays.codes[low], b = arrays.codes[high];
        if ((a < b) != ((low & run) == 0)) continue;
        arrays.codes[low] = b;
        arrays.codes[high] = a;
        const std::uint32_t place = arrays.places[low];
        arrays.places[low] = arrays.places[high];
        arrays.places[high] = place;
      }
    }
  }
  cta.sync();  // all is sorted
}

/// Puts the first `wanted` candidates of a group in order; returns how many there are.
template <Cta C>
FLLM_DEVICE std::int32_t rank_candidates(const C& cta, SelectShared& shared, const SelectStep& s,
                                         std::int32_t first_slot, std::int32_t taken_count, std::int32_t wanted) {
  std::int32_t count = gather_candidates(cta, shared, s, first_slot, taken_count, INT64_MIN);
  if (count > s.sorted) {  // the same for the whole block
    const CandidateCode bound = code_bound(cta, shared, s, first_slot, taken_count, wanted);
    count = gather_candidates(cta, shared, s, first_slot, taken_count, bound);
  }
  sort_candidates(cta, s.arrays, count);
  return count < wanted ? count : wanted;
}

}  // namespace fllm::beams
