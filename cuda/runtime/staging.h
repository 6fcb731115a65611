// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>

#include "cuda/runtime/event.h"
#include "cuda/runtime/pinned_buffer.h"

namespace fllm::cuda {

/// Copies from ordinary host memory that return before the device has them, yet leave the source free for reuse: the
/// bytes wait in page-locked memory. Two halves take turns, so a half is refilled only when its copies are done. The size
/// is fixed; longer copies go in parts.
class Staging {
 public:
  static constexpr std::size_t kHalfBytes = std::size_t{4} << 20;

  Staging() : memory_(2 * kHalfBytes) {}

  /// Enqueues the copy on the stream, always the same one.
  void upload(void* destination, const void* source, std::size_t bytes, cudaStream_t stream);

 private:
  PinnedBuffer memory_;
  std::array<Event, 2> copied_;
  std::size_t half_ = 0;
  std::size_t used_bytes_ = 0;  // of the current half
};

}  // namespace fllm::cuda
