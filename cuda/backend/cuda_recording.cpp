// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/cuda_recording.h"

#include <utility>

#include "cuda/backend/graph_replay.h"
#include "cuda/runtime/check.h"
#include "cuda/runtime/pinned_buffer.h"

namespace fllm::cuda {
namespace {

void* device_address(void* on_host) {
  void* on_device = nullptr;
  check(cudaHostGetDevicePointer(&on_device, on_host, 0), "mapping page-locked memory");
  return on_device;
}

class MappedMemory final : public VisibleMemory {
 public:
  explicit MappedMemory(PinnedBuffer memory)
      : VisibleMemory(memory.data(), device_address(memory.data())), memory_(std::move(memory)) {}

 private:
  PinnedBuffer memory_;
};

}  // namespace

std::unique_ptr<RecordedWork> record(std::int32_t device, cudaStream_t stream, const std::function<void()>& work) {
  const UseDevice scope(device);
  StreamCapture capture(stream);
  work();
  return std::make_unique<GraphReplay>(device, stream, capture.end());
}

std::unique_ptr<VisibleMemory> allocate_visible(std::int32_t device, std::size_t bytes) {
  const UseDevice scope(device);
  return std::make_unique<MappedMemory>(PinnedBuffer(bytes));
}

}  // namespace fllm::cuda
