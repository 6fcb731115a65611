// SPDX-License-Identifier: Apache-2.0
#define FLLM_OUT_OF_LINE
#include "cuda/backend/cuda_launch.h"
#include "cuda/kernels/resolve_drafts.h"

namespace fllm::cuda {

template void CudaExecutor::launch<ResolveDrafts<float>>(LaunchShape, const ResolveDraftsParams&) const;
template std::size_t CudaExecutor::allow_all_shared<ResolveDrafts<float>>() const;

}  // namespace fllm::cuda
