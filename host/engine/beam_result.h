// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cuda/backend/backend.h"
#include "host/engine/beam_run.h"

namespace fllm {

/// A text a search has found.
struct BeamOutcome {
  std::vector<TokenId> tokens;
  std::vector<float> logprobs;  // of each
  float sum = 0, score = 0;
  BeamEnd end = BeamEnd::kNone;  // kNone: a beam that lives, where the search was cut off
};

/// What a search has found, best first, equal ones in the order of groups; with_live: then its live beams, by sum / norm. Waits
/// for the device. Precondition: run.search is as the device has it now.
[[nodiscard]] std::vector<BeamOutcome> read_outcomes(Backend& backend, const BeamRun& run, bool with_live);

}  // namespace fllm
