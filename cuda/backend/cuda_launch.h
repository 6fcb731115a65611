// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

#include <type_traits>

#include "cuda/backend/cuda_executor.h"
#include "cuda/cta/device_cta.h"
#include "cuda/runtime/check.h"
#include "cuda/runtime/device_info.h"

// Kernel objects as CUDA kernels. Only nvcc reads this file.
namespace fllm::cuda {

/// Most threads a kernel is launched with; the compiler shares out the registers accordingly.
template <class K>
constexpr std::int32_t max_threads() {
  if constexpr (requires { K::kMaxThreads; }) {
    return K::kMaxThreads;
  } else {
    return 1024;
  }
}

/// Blocks of a kernel that must fit a multiprocessor at once. One unless the kernel says more: without that word the compiler
/// holds wide kernels to half the registers and spills.
template <class K>
constexpr std::int32_t blocks_together() {
  if constexpr (requires { K::kBlocksTogether; }) {
    return K::kBlocksTogether;
  } else {
    return 1;
  }
}

/// The entry of every kernel.
template <class K>
__global__ void __launch_bounds__(max_threads<K>(), blocks_together<K>())
    kernel_entry(const __grid_constant__ typename K::Params params) {
  static_assert(std::is_trivially_copyable_v<typename K::Params>);
  static_assert(std::is_trivially_default_constructible_v<typename K::Shared>, "shared memory is not constructed");
  __shared__ typename K::Shared shared;
  DeviceCta cta;
  K{}(cta, shared, params);
}

template <class K>
void CudaExecutor::launch(LaunchShape shape, const typename K::Params& params) const {
  if (shape.grid == 0) return;
  const UseDevice scope(device_);
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(shape.grid));
  config.blockDim = dim3(static_cast<unsigned>(shape.block));
  config.dynamicSmemBytes = shape.dynamic_shared_bytes;
  config.stream = stream_;
  cudaLaunchAttribute cluster{};
  if (shape.cluster > 1) {
    cluster.id = cudaLaunchAttributeClusterDimension;
    cluster.val.clusterDim = {static_cast<unsigned>(shape.cluster), 1, 1};
    config.attrs = &cluster;
    config.numAttrs = 1;
  }
  check(cudaLaunchKernelEx(&config, kernel_entry<K>, params), "launching a kernel");
}

template <class K>
std::size_t CudaExecutor::allow_all_shared() const {
  const UseDevice scope(device_);
  cudaFuncAttributes attributes{};
  check(cudaFuncGetAttributes(&attributes, kernel_entry<K>), "reading a kernel's attributes");
  const std::size_t dynamic_bytes = target_.block_shared_bytes - attributes.sharedSizeBytes;
  check(cudaFuncSetAttribute(kernel_entry<K>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                             static_cast<int>(dynamic_bytes)),
        "raising a kernel's shared memory");
  return dynamic_bytes;
}

}  // namespace fllm::cuda
