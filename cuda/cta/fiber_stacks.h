// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace fllm {

/// Stacks of the fibers of one block, each below a page that faults. Memory is committed on first touch only.
class FiberStacks {
 public:
  static constexpr std::size_t kBytes = std::size_t{256} << 10;

  explicit FiberStacks(std::int32_t count);
  ~FiberStacks();
  FiberStacks(const FiberStacks&) = delete;
  FiberStacks& operator=(const FiberStacks&) = delete;

  [[nodiscard]] std::int32_t count() const { return count_; }
  [[nodiscard]] std::byte* bottom(std::int32_t index) const {
    return memory_ + static_cast<std::size_t>(index) * kStrideBytes + kGuardBytes;
  }
  /// From bottom to top.
  [[nodiscard]] static std::size_t bytes(std::int32_t index) {
    return kBytes - static_cast<std::size_t>(index * 5 % 64) * 64;
  }
  /// First address above the usable part, 64-byte aligned. Tops of neighbours lie in different cache sets.
  [[nodiscard]] std::byte* top(std::int32_t index) const { return bottom(index) + bytes(index); }

 private:
  static constexpr std::size_t kGuardBytes = 4096 * 4;  // a multiple of every usual page size
  static constexpr std::size_t kStrideBytes = kBytes + kGuardBytes;

  std::byte* memory_ = nullptr;
  std::int32_t count_ = 0;
};

}  // namespace fllm
