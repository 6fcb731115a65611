// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "cuda/runtime/check.h"
#include "cuda/runtime/device_buffer.h"
#include "cuda/runtime/device_info.h"
#include "cuda/runtime/pinned_buffer.h"
#include "fundamentallm/result.h"

namespace fllm::cuda {

DeviceBuffer::DeviceBuffer(std::size_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  const cudaError_t status = cudaMalloc(&data_, bytes);
  if (status == cudaErrorMemoryAllocation) {
    ignore(cudaGetLastError());
    throw Exception(ErrorCode::kOutOfMemory, "device memory: " + std::to_string(bytes) + " bytes needed, " +
                                                 std::to_string(free_memory().free_bytes) + " bytes free");
  }
  check(status, "allocating device memory");
}

DeviceBuffer::~DeviceBuffer() { free_device(data_); }

void free_device(void* memory) noexcept {
  if (memory != nullptr) ignore(cudaFree(memory));
}

PinnedBuffer::PinnedBuffer(std::size_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  void* memory = nullptr;
  const cudaError_t status = cudaHostAlloc(&memory, bytes, cudaHostAllocDefault);
  if (status == cudaErrorMemoryAllocation) {
    ignore(cudaGetLastError());
    throw Exception(ErrorCode::kOutOfMemory, "page-locked host memory: " + std::to_string(bytes) + " bytes needed");
  }
  check(status, "allocating page-locked memory");
  data_ = static_cast<std::byte*>(memory);
}

PinnedBuffer::~PinnedBuffer() {
  if (data_ != nullptr) ignore(cudaFreeHost(data_));
}

}  // namespace fllm::cuda
