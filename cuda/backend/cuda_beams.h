// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/backend/cuda_executor.h"
#include "cuda/kernels/beam_ancestors.h"
#include "cuda/kernels/beam_candidates.h"
#include "cuda/kernels/beam_loop.h"
#include "cuda/kernels/beam_select.h"

namespace fllm {

/// Loads the kernels of beam search, as prepare_sampling does the sampler's.
inline void prepare_beams(const cuda::CudaExecutor& executor) {
  executor.allow_all_shared<BeamCandidates<float>>();
  executor.allow_all_shared<BeamSelect>();
  executor.allow_all_shared<BeamAncestors>();
  executor.allow_all_shared<BeamLoopStep>();
}

}  // namespace fllm
