// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/cuda_launch.h"
#include "cuda/kernels/sample_row.h"

namespace fllm::cuda {

template void CudaExecutor::launch<SampleRow<float>>(LaunchShape, const SampleParams&) const;
template std::size_t CudaExecutor::allow_all_shared<SampleRow<float>>() const;

}  // namespace fllm::cuda
