// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "cuda/backend/backend.h"

namespace fllm::test {

/// Memory a kernel writes, between two sentinels. The contents start as a pattern, so that a value never written is seen.
template <class T>
class GuardedArray {
 public:
  static constexpr std::size_t kGuardBytes = 256;  // keeps the 64-byte alignment
  static constexpr unsigned char kPattern = 0xA5;

  GuardedArray(Backend& backend, std::size_t count)
      : backend_(backend), count_(count), memory_(backend, total_bytes()) {
    memory_.upload(std::vector<unsigned char>(total_bytes(), kPattern));
  }

  [[nodiscard]] T* data() const { return reinterpret_cast<T*>(memory_.data() + kGuardBytes); }
  [[nodiscard]] std::size_t size() const { return count_; }
  void upload(std::span<const T> values) { backend_.upload(data(), values.data(), values.size_bytes()); }

  /// Waits for the backend; reports damaged sentinels as a test failure naming the array.
  [[nodiscard]] std::vector<T> download(const char* name) const {
    std::vector<unsigned char> bytes(total_bytes());
    backend_.download(bytes.data(), memory_.data(), bytes.size());
    backend_.synchronize();
    for (std::size_t i = 0; i < kGuardBytes; ++i) {
      EXPECT_EQ(bytes[i], kPattern) << name << ": written " << kGuardBytes - i << " bytes before its start";
      EXPECT_EQ(bytes[bytes.size() - 1 - i], kPattern)
          << name << ": written " << kGuardBytes - i << " bytes past its end";
      if (::testing::Test::HasFailure()) break;
    }
    std::vector<T> values(count_);
    if (count_ > 0) std::memcpy(values.data(), bytes.data() + kGuardBytes, count_ * sizeof(T));
    return values;
  }

 private:
  [[nodiscard]] std::size_t total_bytes() const { return 2 * kGuardBytes + count_ * sizeof(T); }

  Backend& backend_;
  std::size_t count_;
  DeviceArray<unsigned char> memory_;
};

}  // namespace fllm::test
