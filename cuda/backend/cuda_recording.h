// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <memory>

#include "cuda/backend/backend.h"

// What a CUDA backend records, and memory that both sides see.
namespace fllm::cuda {

/// A graph of what work enqueues on the stream, a stream of the device.
[[nodiscard]] std::unique_ptr<RecordedWork> record(std::int32_t device, cudaStream_t stream,
                                                   const std::function<void()>& work);

/// Page-locked host memory, mapped into the device. A device with unified addresses (all of today's) maps all of it.
[[nodiscard]] std::unique_ptr<VisibleMemory> allocate_visible(std::int32_t device, std::size_t bytes);

}  // namespace fllm::cuda
