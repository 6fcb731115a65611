// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "cuda/launch/launch_shape.h"
#include "cuda/runtime/device_info.h"

namespace fllm::cuda {

/// Enqueues kernel objects on one stream of one device. Its members are defined in cuda_launch.h and instantiated, kernel
/// by kernel, in the .cu files beside it; all else that uses an executor is host code.
class CudaExecutor {
 public:
  CudaExecutor(const DeviceInfo& device, cudaStream_t stream)
      : device_(device.index),
        target_{.block_shared_bytes = device.block_shared_bytes,
                .multiprocessors = device.multiprocessors,
                .max_cluster = device.max_cluster},
        stream_(stream) {}

  [[nodiscard]] const LaunchTarget& target() const { return target_; }

  /// Errors: Exception(kDeviceLost) after a fault, of this launch or an earlier one.
  template <class K>
  void launch(LaunchShape shape, const typename K::Params& params) const;

  /// Lets a kernel be launched with as much dynamic shared memory as the device has, and says how much that is. Without
  /// this it is 48 KiB with the static part. Called when a backend is made, not in a step.
  template <class K>
  std::size_t allow_all_shared() const;

 private:
  std::int32_t device_;
  LaunchTarget target_;
  cudaStream_t stream_;
};

}  // namespace fllm::cuda
