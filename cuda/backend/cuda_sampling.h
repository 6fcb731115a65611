// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/backend/cuda_executor.h"
#include "cuda/kernels/history_append.h"
#include "cuda/kernels/sample_row.h"
#include "cuda/kernels/shard_row.h"

namespace fllm {

/// Loads the sampler's kernels, so that none is loaded within a step or a capture, and gives them all shared memory.
inline void prepare_sampling(const cuda::CudaExecutor& executor) {
  executor.allow_all_shared<SampleRow<float>>();
  executor.allow_all_shared<SampleRow<Half>>();
  executor.allow_all_shared<SampleRow<BFloat16>>();
  executor.allow_all_shared<ShardRow<float>>();
  executor.allow_all_shared<ShardRow<Half>>();
  executor.allow_all_shared<ShardRow<BFloat16>>();
  executor.allow_all_shared<HistoryAppend>();
}

}  // namespace fllm
