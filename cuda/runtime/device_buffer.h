// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <utility>

namespace fllm::cuda {

/// Memory of the current device, 256-byte aligned, contents unspecified. Move-only.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  /// Errors: Exception(kOutOfMemory) naming the bytes needed and free.
  explicit DeviceBuffer(std::size_t bytes);
  DeviceBuffer(DeviceBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~DeviceBuffer();

  [[nodiscard]] void* data() const { return data_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  /// The caller frees it with free_device.
  [[nodiscard]] void* release() {
    bytes_ = 0;
    return std::exchange(data_, nullptr);
  }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Waits for the device's work, so nothing that was enqueued still uses the memory.
void free_device(void* memory) noexcept;

}  // namespace fllm::cuda
