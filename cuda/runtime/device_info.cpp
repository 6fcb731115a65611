// SPDX-License-Identifier: Apache-2.0
#include "cuda/runtime/device_info.h"

#include "cuda/runtime/check.h"
#include "fundamentallm/result.h"

namespace fllm::cuda {

DeviceCount count_devices() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) return {count, ""};
  ignore(cudaGetLastError());
  // Without a driver the count is left as it was: any error means there is no device.
  if (status == cudaSuccess) return {0, "no CUDA device"};
  return {0, std::string("no CUDA device: ") + cudaGetErrorString(status)};
}

DeviceInfo describe_device(std::int32_t index) {
  const DeviceCount devices = count_devices();
  const std::string name = "device cuda:" + std::to_string(index);
  if (devices.count == 0) throw Exception(ErrorCode::kUnsupported, name + ": " + devices.reason);
  if (index < 0 || index >= devices.count) {
    throw Exception(ErrorCode::kUnsupported,
                    name + ": there are " + std::to_string(devices.count) +
                        " CUDA devices, allowed is cuda:0 to cuda:" + std::to_string(devices.count - 1));
  }
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, index), "reading the properties of the device");
  return {index,
          properties.name,
          properties.major,
          properties.minor,
          properties.sharedMemPerBlockOptin,
          properties.multiProcessorCount,
          properties.clusterLaunch != 0 ? 8 : 1};
}

std::string DeviceInfo::description() const {
  return "cuda:" + std::to_string(index) + " (" + name + ", compute capability " + std::to_string(compute_major) + "." +
         std::to_string(compute_minor) + ")";
}

std::string describe_driver() {
  int driver = 0;
  int runtime = 0;
  check(cudaDriverGetVersion(&driver), "asking for the driver's version");
  check(cudaRuntimeGetVersion(&runtime), "asking for the runtime's version");
  const auto text = [](int version) {  // 1000 x major + 10 x minor
    return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
  };
  return "CUDA driver " + text(driver) + ", runtime " + text(runtime);
}

FreeMemory free_memory() {
  FreeMemory memory;
  check(cudaMemGetInfo(&memory.free_bytes, &memory.total_bytes), "asking for the free memory");
  return memory;
}

UseDevice::UseDevice(std::int32_t index) {
  check(cudaGetDevice(&previous_), "asking for the current device");
  if (previous_ == index) return;
  check(cudaSetDevice(index), "choosing the device");
  changed_ = true;
}

UseDevice::~UseDevice() {
  if (changed_) ignore(cudaSetDevice(previous_));
}

}  // namespace fllm::cuda
