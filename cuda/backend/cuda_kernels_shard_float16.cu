// SPDX-License-Identifier: Apache-2.0
#define FLLM_OUT_OF_LINE
#include "cuda/backend/cuda_launch.h"
#include "cuda/kernels/shard_row.h"

namespace fllm::cuda {

template void CudaExecutor::launch<ShardRow<Half>>(LaunchShape, const ShardParams&) const;
template std::size_t CudaExecutor::allow_all_shared<ShardRow<Half>>() const;

}  // namespace fllm::cuda
