// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <string>
#include <system_error>
#include <thread>

#include "cuda/backend/backend.h"
#include "cuda/backend/cpu_sampler.h"
#include "cuda/backend/cuda_backend.h"
#include "cuda/backend/serial_backend.h"
#include "cuda/backend/serial_isa.h"
#include "fundamentallm/result.h"

namespace fllm {
namespace {

/// SerialBackend or CpuSampler.
template <class Machine>
std::unique_ptr<Machine> make_on_cpu(std::int32_t threads) {
  if (threads < 0 || threads > kMaxCpuThreads) {
    throw Exception(ErrorCode::kInvalidArgument, "threads is " + std::to_string(threads) + "; allowed: [1, " +
                                                     std::to_string(kMaxCpuThreads) + "], or 0 for one per core");
  }
  const auto cores = static_cast<std::int32_t>(std::min<unsigned>(std::thread::hardware_concurrency(), kMaxCpuThreads));
  const std::int32_t count = threads > 0 ? threads : std::max(1, cores);
  try {
    return std::make_unique<Machine>(choose_serial_kernels(), count);
  } catch (const std::system_error& error) {
    throw Exception(ErrorCode::kOutOfMemory, "cannot start " + std::to_string(count) + " threads: " + error.what());
  }
}

/// N of "cuda:N", 0 of "cuda", -1 of anything else.
std::int32_t cuda_index(const std::string& device) {
  if (device == "cuda") return 0;
  if (!device.starts_with("cuda:")) return -1;
  std::int32_t index = -1;
  const char* end = device.data() + device.size();
  const auto [stop, error] = std::from_chars(device.data() + 5, end, index);
  return error == std::errc{} && stop == end ? index : -1;
}

}  // namespace

std::unique_ptr<Backend> make_backend(const BackendOptions& options) {
  if (options.device == "cpu") return make_on_cpu<SerialBackend>(options.threads);
  if (options.device == "auto") {
    if (cuda_unavailable_reason().empty()) return make_cuda_backend(0);
    return make_on_cpu<SerialBackend>(options.threads);
  }
  const std::int32_t index = cuda_index(options.device);
  if (index < 0) {
    throw Exception(ErrorCode::kInvalidArgument,
                    "device is \"" + options.device + "\"; allowed: auto, cpu, cuda, cuda:N with N >= 0");
  }
  return make_cuda_backend(index);
}

std::unique_ptr<SamplerBackend> make_cpu_sampler(std::int32_t threads) { return make_on_cpu<CpuSampler>(threads); }

}  // namespace fllm
