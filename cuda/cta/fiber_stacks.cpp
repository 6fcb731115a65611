// SPDX-License-Identifier: Apache-2.0
#include "cuda/cta/fiber_stacks.h"

#include <sys/mman.h>

#include <new>

namespace fllm {
namespace {
constexpr std::size_t kGuardBytes = 4096 * 4;  // a multiple of every usual page size
constexpr std::size_t kStrideBytes = FiberStacks::kBytes + kGuardBytes;
}  // namespace

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

std::byte* FiberStacks::bottom(std::int32_t index) const {
  return memory_ + static_cast<std::size_t>(index) * kStrideBytes + kGuardBytes;
}

std::byte* FiberStacks::top(std::int32_t index) const { return bottom(index) + kBytes - (index * 5 % 64) * 64; }

}  // namespace fllm
