// SPDX-License-Identifier: Apache-2.0
#include "cuda/runtime/staging.h"

#include <algorithm>
#include <cstring>

namespace fllm::cuda {

void Staging::upload(void* destination, const void* source, std::size_t bytes, cudaStream_t stream) {
  auto* to = static_cast<std::byte*>(destination);
  const auto* from = static_cast<const std::byte*>(source);
  while (bytes > 0) {
    if (used_bytes_ == kHalfBytes) {
      copied_[half_].record(stream);
      half_ = 1 - half_;
      copied_[half_].synchronize();
      used_bytes_ = 0;
    }
    const std::size_t part = std::min(bytes, kHalfBytes - used_bytes_);
    std::byte* waiting = memory_.data() + half_ * kHalfBytes + used_bytes_;
    std::memcpy(waiting, from, part);
    check(cudaMemcpyAsync(to, waiting, part, cudaMemcpyHostToDevice, stream), "copying to the device");
    used_bytes_ += part;
    to += part;
    from += part;
    bytes -= part;
  }
}

}  // namespace fllm::cuda
