// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/automaton_walk.h"
#include "cuda/kernels/beam_params.h"
#include "cuda/portable/numeric.h"

// Which beam of which search a row is, whatever device memory holds.
namespace fllm::beams {

/// A search that can take a step: it is not over, and what it names lies inside its arrays and the launch's rows.
FLLM_DEVICE bool takes_step(const BeamParams& p, const BeamSearch& search) {
  const BeamRules& r = search.rules;
  const BeamState& s = search.state;
  return s.done == 0 && s.step >= 0 && s.step < r.max_length && r.width >= 1 && r.width <= kMaxBeamWidth &&
         r.group_count >= 1 && r.group_count <= r.width && r.first_row >= 0 && r.first_row <= p.rows - r.width;
}

/// Whether a beam lives in the slot before a step. A sum that is NaN is none.
FLLM_DEVICE bool lives(const BeamSearch& search, std::int32_t slot) {
  if (search.state.step > 0) return search.cum[slot] > -infinity32();
  return slot % (search.rules.width / search.rules.group_count) == 0 &&
         slot / (search.rules.width / search.rules.group_count) < search.rules.group_count;
}

/// The sum of a beam that lives.
FLLM_DEVICE float sum_of(const BeamSearch& search, std::int32_t slot) {
  return search.state.step > 0 ? search.cum[slot] : 0.0f;
}

/// The state of a beam that lives. states: of BeamSearch.
FLLM_DEVICE std::int32_t state_of(const BeamSearch& search, const ByteAutomata& automata, const std::int32_t* states,
                                  std::int32_t start, std::int32_t slot) {
  if (start < 0 || states == nullptr) return -1;
  return checked_state(automata, search.state.step > 0 ? states[slot] : start);
}

/// The slot of history a beam's counts are in before the given step; -1: none.
FLLM_DEVICE std::int32_t history_slot_of(const BeamRules& r, std::int32_t step, std::int32_t slot) {
  if (r.first_slot < 0) return -1;
  if (step == 0) return r.first_slot;
  return r.first_slot + ((step & 1) != 0 ? r.width : 0) + slot;
}

/// A row's beam; no search: the row lists nothing.
struct BeamRow {
  const BeamSearch* search = nullptr;
  std::int32_t slot = 0;
};
FLLM_DEVICE BeamRow beam_of_row(const BeamParams& p, std::int32_t row) {
  const std::int32_t index = p.row_searches[row];
  if (index < 0 || index >= p.search_count) return {};
  const BeamSearch& search = p.searches[index];
  const std::int32_t slot = row - search.rules.first_row;
  if (!takes_step(p, search) || slot < 0 || slot >= search.rules.width || !lives(search, slot)) return {};
  return {&search, slot};
}

/// The slot of step t in which beam `slot` of the step before the present one was.
FLLM_DEVICE std::int32_t ancestor_of(const BeamSearch& search, std::int32_t t, std::int32_t slot) {
  const std::int32_t width = search.rules.width;
  const std::int64_t at = std::int64_t{t} * width + slot;
  const std::int32_t found = width <= kMaxSmallBeamWidth ? static_cast<const std::uint8_t*>(search.ancestors)[at]
                                                         : static_cast<const std::uint16_t*>(search.ancestors)[at];
  return found < width ? found : 0;
}

}  // namespace fllm::beams
