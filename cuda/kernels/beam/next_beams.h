// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/beam/take_candidates.h"

// The next live beams: what is kept of them, and what the next step reads.
namespace fllm::beams {

/// Makes the candidate at a place of the order the next beam of a slot. What other candidates still read of the beams as they
/// are is not touched.
FLLM_DEVICE void put_beam(const SelectStep& s, std::int32_t place, std::int32_t slot) {
  const BeamSearch& search = s.search;
  const BeamRules& rules = search.rules;
  const Taken candidate = taken_at(s, place);
  const std::int64_t at = std::int64_t{s.step} * rules.width + slot;
  search.tokens[at] = candidate.token;
  search.parents[at] = static_cast<std::uint16_t>(candidate.parent);
  search.logprobs[at] = candidate.logprob;
  s.arrays.cums[slot] = sum_of(search, candidate.parent) + candidate.logprob;
  const ByteAutomata& automata = s.p.automata;
  const std::int32_t mask = state_of(search, automata, search.mask_states, rules.mask_start, candidate.parent);
  const std::int32_t stop = state_of(search, automata, search.stop_states, rules.stop_start, candidate.parent);
  s.arrays.masks[slot] = walk(automata, mask, candidate.token).state;
  s.arrays.stops[slot] = walk(automata, stop, candidate.token).state;
}

/// Writes what the next step reads of every slot. Nobody reads the beams as they were any more.
template <Cta C>
FLLM_DEVICE void write_beams(const C& cta, const SelectStep& s) {
  const BeamSearch& search = s.search;
  const BeamRules& rules = search.rules;
  const BeamParams& p = s.p;
  for (std::int32_t k = cta.thread_index(); k < rules.width; k += cta.thread_count()) {
    const std::int64_t row = rules.first_row + k, at = std::int64_t{s.step} * rules.width + k;
    const bool live = s.arrays.cums[k] > -infinity32();
    search.cum[k] = s.arrays.cums[k];
    RowSampling& sampling = p.sampling[row];
    sampling.generated = s.step + 1;  // of empty slots too, which a beam may take later
    sampling.random.position += 1;
    sampling.history_slot = history_slot_of(rules, s.step + 1, k);
    if (!live) {
      search.parents[at] = kNoBeam;
      continue;
    }
    p.tokens[row] = search.tokens[at];
    p.positions[row] = rules.prompt_count + s.step;
    if (rules.stop_start >= 0 && search.stop_states != nullptr) search.stop_states[k] = s.arrays.stops[k];
    if (rules.mask_start >= 0 && search.mask_states != nullptr) {
      const std::int32_t state = s.arrays.masks[k];
      search.mask_states[k] = state;
      sampling.mask_row = state >= 0 ? p.automata.mask_rows[state] : -1;
      sampling.min_tokens = (flags_of(p.automata, state) & kStateFreesEnds) != 0 ? 0 : rules.min_tokens;
    }
  }
}

}  // namespace fllm::beams
