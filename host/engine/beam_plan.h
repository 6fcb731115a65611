// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cuda/kernels/beam_params.h"
#include "fundamentallm/options.h"
#include "host/constraint/device_automaton.h"

namespace fllm {

/// What is the same in every step of a beam search.
struct BeamPlan {
  BeamRules rules;           // first_norm, first_row and first_slot are set when it enters the batch
  std::vector<float> norms;  // [max_length + 1]
  std::shared_ptr<const DeviceAutomaton> automaton;
  std::int32_t num_return = 1;
  bool penalties = false;  // its beams have histories

  [[nodiscard]] std::int32_t entry_bytes() const { return rules.width <= kMaxSmallBeamWidth ? 1 : 2; }
  [[nodiscard]] std::size_t width() const { return static_cast<std::size_t>(rules.width); }
  /// Of one array over the steps.
  [[nodiscard]] std::size_t entries() const { return static_cast<std::size_t>(rules.max_length) * width(); }
};

/// Where the arrays of a search lie in its stretch of memory.
struct BeamArrays {
  std::size_t cum = 0, mask_states = 0, stop_states = 0, tokens = 0, logprobs = 0, pool = 0, parents = 0, ancestors = 0;
  std::size_t bytes = 0;  // of all of them, a multiple of 64

  explicit BeamArrays(const BeamPlan& plan);
};

/// The norms of lengths 0 to max_length, worked out in binary64.
[[nodiscard]] std::vector<float> length_norms(LengthNorm norm, double penalty, std::int32_t max_length);

/// What options ask for: rules, norms and what a profile sets. Exception(kInvalidArgument) where so many end ids make too many
/// candidates.
[[nodiscard]] BeamPlan plan_beams(const BeamOptions& options, std::int32_t max_length, std::size_t end_id_count);

}  // namespace fllm
