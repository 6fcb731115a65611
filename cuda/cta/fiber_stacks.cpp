// SPDX-License-Identifier: Apache-2.0
#include "cuda/cta/fiber_stacks.h"

#include <sys/mman.h>

#include <new>

namespace fllm {

FiberStacks::FiberStacks(std::int32_t count) : count_(count) {
  const std::size_t bytes = static_cast<std::size_t>(count) * kStrideBytes;
  void* memory = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  memory_ = static_cast<std::byte*>(memory);
  for (std::int32_t i = 0; i < count; ++i) {
    if (mprotect(bottom(i), kBytes, PROT_READ | PROT_WRITE) != 0) {
      munmap(memory_, bytes);
      throw std::bad_alloc();
    }
  }
}

FiberStacks::~FiberStacks() { munmap(memory_, static_cast<std::size_t>(count_) * kStrideBytes); }

}  // namespace fllm
