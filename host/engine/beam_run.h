// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "cuda/kernels/beam_params.h"
#include "host/engine/beam_memory.h"
#include "host/engine/sequence.h"

namespace fllm {

/// A beam search in the batch: its prompt is read by a row like any other, then that row and as many more as there are beams
/// are the search's until it is over.
struct BeamRun {
  RequestState* request = nullptr;
  std::unique_ptr<Sequence> sequence;  // sample 0, as far as its tokens are proven; null: it is still among the rows
  std::vector<std::int32_t> blocks;    // [width - 1, own blocks] of the KV cache, of beams 1 and on
  BeamPlaces places;
  BeamSearch search;          // as the host last saw it; rules.first_row: where it is
  RowSampling row;            // what is the same in all its rows
  std::int32_t launched = 0;  // steps at most, where it is not over before
  std::int32_t seen = 0;      // steps whose news have been taken
  std::int32_t proven = 0;    // tokens taken over
  bool on_device = false;

  [[nodiscard]] const BeamPlan& plan() const { return *request->beam; }
  [[nodiscard]] std::int32_t width() const { return plan().rules.width; }
  [[nodiscard]] bool is_running() const { return sequence != nullptr; }
};

}  // namespace fllm
