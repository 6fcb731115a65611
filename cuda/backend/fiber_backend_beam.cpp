// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/fiber_backend.h"

namespace fllm {

template void KernelBackend<FiberExecutor>::beam_candidates(LogitType, const BeamCandidatesParams&);
template void KernelBackend<FiberExecutor>::beam_select(const BeamParams&);
template void KernelBackend<FiberExecutor>::beam_ancestors(const BeamParams&);

}  // namespace fllm
