// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/beam/select_memory.h"

// What becomes of a group's candidates: they end, or go on as the next live beams.
namespace fllm::beams {

/// A ranked candidate, looked up.
struct Taken {
  std::int32_t parent;
  std::int32_t token;
  float logprob;
};
FLLM_DEVICE Taken taken_at(const SelectStep& s, std::int32_t rank) {
  const auto place = static_cast<std::int32_t>(s.arrays.places[rank]);
  const std::int64_t first = std::int64_t{s.search.rules.first_row} * s.p.candidate_stride;
  const BeamCandidate candidate = s.p.candidates[first + place];
  return {place / s.p.candidate_stride, candidate.id, candidate.logprob};
}

/// How a beam ends with a token. Its own minimum, below the rules' where nothing but an end is left, is for end tokens alone.
FLLM_DEVICE BeamEnd end_of(const SelectStep& s, std::int32_t parent, std::int32_t token) {
  const BeamRules& rules = s.search.rules;
  const RowSampling& row = s.p.sampling[rules.first_row + parent];
  if (s.step >= row.min_tokens) {
    for (std::int32_t i = row.end_ids.begin; i < row.end_ids.end; ++i) {
      if (s.p.end_ids[i] == token) return BeamEnd::kEndToken;
    }
  }
  if (s.step >= rules.min_tokens) {
    const std::int32_t state = state_of(s.search, s.p.automata, s.search.stop_states, rules.stop_start, parent);
    if ((walk(s.p.automata, state, token).passed & kStateAccepts) != 0) return BeamEnd::kStopString;
  }
  const std::int32_t text = state_of(s.search, s.p.automata, s.search.mask_states, rules.mask_start, parent);
  if ((flags_of(s.p.automata, walk(s.p.automata, text, token).state) & kStateEnds) != 0) return BeamEnd::kWhole;
  return s.step + 1 >= rules.max_length ? BeamEnd::kLength : BeamEnd::kNone;
}

/// How many of a group's first candidates enter the pool, how many live on, and how many tokens later groups find taken.
struct TakenCounts {
  std::int32_t ended;
  std::int32_t live;
  std::int32_t taken;
};

/// Marks how each of `count` ranked candidates ends.
template <Cta C>
FLLM_DEVICE void classify(const C& cta, const SelectStep& s, std::int32_t count) {
  for (std::int32_t i = cta.thread_index(); i < count; i += cta.thread_count()) {
    const Taken candidate = taken_at(s, i);
    s.arrays.kinds[i] = static_cast<std::int32_t>(end_of(s, candidate.parent, candidate.token));
  }
  cta.sync();  // the kinds are there
}

/// Calls enter(i, n) for the nth candidate that ends among the first of a group, live(i, n) for the nth that lives on and has
/// a slot, taken(i, n) for the nth whose token later groups find taken; i its place in the order.
template <Cta C, class Enter, class Live, class TakenBy>
FLLM_DEVICE TakenCounts spread(const C& cta, SelectShared& shared, const SelectStep& s, std::int32_t count,
                               const Enter& enter, const Live& live, const TakenBy& taken) {
  constexpr std::int32_t kField = 20;  // bits of a count
  constexpr Mass kFieldMask = (Mass{1} << kField) - 1;
  const std::int32_t width = s.group_width;
  const auto word_of = [&](std::int32_t i) {
    const auto end = static_cast<BeamEnd>(s.arrays.kinds[i]);
    const bool ends = end != BeamEnd::kNone, goes_on = !ends || end == BeamEnd::kLength;
    return Mass{ends && i < width ? 1u : 0u} | Mass{!ends ? 1u : 0u} << kField |
           Mass{goes_on ? 1u : 0u} << (2 * kField);
  };
  const Chunk chunk = thread_chunk(cta, count);
  Mass sum = 0;
  for (std::int32_t i = chunk.begin; i < chunk.end; ++i) sum += word_of(i);
  const ScanResult scan = block_scan(cta, shared.scan_slots, sum);
  const auto field = [&](Mass word, std::int32_t index) {
    return static_cast<std::int32_t>(word >> (index * kField) & kFieldMask);
  };
  Mass before = scan.before;
  for (std::int32_t i = chunk.begin; i < chunk.end; ++i) {
    const Mass word = word_of(i);
    if (field(word, 0) != 0) enter(i, field(before, 0));
    if (field(word, 1) != 0 && field(before, 1) < width) live(i, field(before, 1));
    if (field(word, 2) != 0 && field(before, 2) < width) taken(i, field(before, 2));
    before += word;
  }
  const auto bounded = [&](std::int32_t value) { return value < width ? value : width; };
  return {field(scan.total, 0), bounded(field(scan.total, 1)), bounded(field(scan.total, 2))};
}

}  // namespace fllm::beams
