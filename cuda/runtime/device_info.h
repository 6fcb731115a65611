// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace fllm::cuda {

struct DeviceCount {
  std::int32_t count = 0;
  std::string reason;  // why there is none; empty when count > 0
};
/// Never throws: a missing driver is an answer.
[[nodiscard]] DeviceCount count_devices();

struct DeviceInfo {
  std::int32_t index = 0;
  std::string name;
  std::int32_t compute_major = 0;
  std::int32_t compute_minor = 0;
  std::size_t block_shared_bytes = 0;  // most shared memory a block may ask for
  std::int32_t multiprocessors = 0;
  std::int32_t max_cluster = 1;  // blocks of a cluster that every device with clusters can run

  [[nodiscard]] std::string description() const;  // "cuda:0 (name, compute capability 9.0)"
};
/// Errors: Exception(kUnsupported) naming the index and how many devices there are.
[[nodiscard]] DeviceInfo describe_device(std::int32_t index);

/// Versions of what is between a program and the devices: "CUDA driver 13.0, runtime 13.0".
[[nodiscard]] std::string describe_driver();

/// Bytes on the current device.
struct FreeMemory {
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
};
[[nodiscard]] FreeMemory free_memory();

/// Makes a device the calling thread's for a scope, and puts the former one back: the caller's own choice of device (or
/// another backend's) survives.
class UseDevice {
 public:
  explicit UseDevice(std::int32_t index);
  ~UseDevice();
  UseDevice(const UseDevice&) = delete;
  UseDevice& operator=(const UseDevice&) = delete;

 private:
  int previous_ = 0;
  bool changed_ = false;
};

}  // namespace fllm::cuda
