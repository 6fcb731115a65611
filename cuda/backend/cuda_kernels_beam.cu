// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/cuda_launch.h"
#include "cuda/cta/graph_loop.h"
#include "cuda/kernels/beam_ancestors.h"
#include "cuda/kernels/beam_loop.h"
#include "cuda/kernels/beam_select.h"

namespace fllm::cuda {

template void CudaExecutor::launch<BeamSelect>(LaunchShape, const BeamParams&) const;
template std::size_t CudaExecutor::allow_all_shared<BeamSelect>() const;
template void CudaExecutor::launch<BeamAncestors>(LaunchShape, const BeamParams&) const;
template std::size_t CudaExecutor::allow_all_shared<BeamAncestors>() const;
template void CudaExecutor::launch<BeamLoopStep>(LaunchShape, const BeamLoopParams&) const;
template std::size_t CudaExecutor::allow_all_shared<BeamLoopStep>() const;

}  // namespace fllm::cuda
