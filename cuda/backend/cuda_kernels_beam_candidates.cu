// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/cuda_launch.h"
#include "cuda/kernels/beam_candidates.h"

namespace fllm::cuda {

template void CudaExecutor::launch<BeamCandidates<float>>(LaunchShape, const BeamCandidatesParams&) const;
template std::size_t CudaExecutor::allow_all_shared<BeamCandidates<float>>() const;

}  // namespace fllm::cuda
