// SPDX-License-Identifier: Apache-2.0
#include "cuda/launch/fiber_executor.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "fundamentallm/result.h"

#if defined(FLLM_SANITIZED)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#endif

namespace fllm {
namespace {

std::string demangled(const char* type_name) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(type_name, nullptr, nullptr, &status),
                                                         &std::free);
  return status == 0 ? name.get() : type_name;
}

/// Shared memory of one block between two guards: the address sanitizer stops at them, other builds look afterwards.
class SharedMemory {
 public:
  explicit SharedMemory(std::size_t bytes) : bytes_(bytes), memory_(new (kAlignment) std::byte[bytes + 2 * kGuard]) {}
  ~SharedMemory() {
    ASAN_UNPOISON_MEMORY_REGION(memory_, bytes_ + 2 * kGuard);
    operator delete[](memory_, kAlignment);
  }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  [[nodiscard]] void* data() const { return memory_ + kGuard; }

  void prepare() {
    ASAN_UNPOISON_MEMORY_REGION(memory_, bytes_ + 2 * kGuard);
    std::memset(memory_, kGuardByte, bytes_ + 2 * kGuard);
    std::memset(data(), 0xff, bytes_);
    ASAN_POISON_MEMORY_REGION(memory_, kGuard);
    ASAN_POISON_MEMORY_REGION(memory_ + kGuard + bytes_, kGuard);
  }

  [[nodiscard]] bool intact() const {
    ASAN_UNPOISON_MEMORY_REGION(memory_, bytes_ + 2 * kGuard);
    const auto untouched = [](const std::byte* from) {
      return std::all_of(from, from + kGuard, [](std::byte b) { return b == std::byte{kGuardByte}; });
    };
    return untouched(memory_) && untouched(memory_ + kGuard + bytes_);
  }

 private:
  static constexpr std::size_t kGuard = 256;
  static constexpr unsigned char kGuardByte = 0xa7;
  static constexpr std::align_val_t kAlignment{64};

  std::size_t bytes_;
  std::byte* memory_;
};

std::vector<std::int32_t> block_order(std::int32_t count, FiberSchedule schedule) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  if (schedule == 1) std::reverse(order.begin(), order.end());
  if (schedule > 1) std::shuffle(order.begin(), order.end(), std::mt19937_64(schedule));
  return order;
}

}  // namespace

void FiberExecutor::run(const Kernel& kernel, LaunchShape shape) {
  if (options_.threads != 0) shape.block = options_.threads;
  if (shape.grid < 0 || shape.block <= 0 || shape.block > FiberBlock::kMaxThreads ||
      shape.block % FiberBlock::kWarpWidth != 0) {
    throw Exception(ErrorCode::kInvalidArgument,
                    demangled(kernel.type_name) + ": a launch of " + std::to_string(shape.grid) + " blocks of " +
                        std::to_string(shape.block) +
                        " threads; allowed: >= 0 blocks of 32 to 1024 threads in whole warps");
  }
  const std::string name = demangled(kernel.type_name);
  SharedMemory shared(kernel.shared_bytes);
  SharedMemory dynamic(shape.dynamic_shared_bytes);

  struct Launch {
    FiberCta::Frame frame;
    const Kernel* kernel;
    void* shared;
  } launch{{&block_, 0, shape.grid, shape.block, dynamic.data()}, &kernel, shared.data()};

  for (const std::int32_t index : block_order(shape.grid, options_.schedule)) {
    launch.frame.block_index = index;
    shared.prepare();
    dynamic.prepare();
    const auto body = [](void* argument, std::int32_t thread) {
      const Launch& own = *static_cast<const Launch*>(argument);
      own.kernel->body(FiberCta(own.frame, thread), own.shared, own.kernel->params);
    };
    block_.run({name.c_str(), index, shape.block, body, &launch}, options_.schedule);
    for (const auto& [memory, what] :
         {std::pair{&shared, "Shared"}, std::pair{&dynamic, "the dynamic shared memory"}}) {
      if (!memory->intact()) {
        throw FiberError(FiberFault::kSharedOverrun, {name, index, 0, SourceLocation::current()},
                         std::string("a write outside ") + what);
      }
    }
  }
}

}  // namespace fllm
