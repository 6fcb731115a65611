// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <typeinfo>

#include "cuda/cta/fiber_block.h"
#include "cuda/cta/fiber_cta.h"
#include "cuda/launch/launch_shape.h"

namespace fllm {

struct FiberOptions {
  std::int32_t threads = 0;  // threads of each block: a multiple of 32 up to 1024; 0: what the launch asks for
  FiberSchedule schedule = 0;
};

/// Runs kernels as thread blocks of fibers, one block at a time, in an order that follows the schedule. Before each block,
/// K::Shared and the dynamic shared memory hold 0xff bytes (NaN, -1). Tests only.
/// Errors of launch: FiberError for what a kernel may not do, Exception(kInvalidArgument) for a bad shape.
/// Thread-safety: one owner at a time.
class FiberExecutor {
 public:
  explicit FiberExecutor(const FiberOptions& options = {}) : options_(options) {}

  template <class K>
  void launch(LaunchShape shape, const typename K::Params& params) {
    const Body body = [](const FiberCta& cta, void* shared, const void* argument) {
      FiberCta own = cta;
      K{}(own, *static_cast<typename K::Shared*>(shared), *static_cast<const typename K::Params*>(argument));
    };
    run({typeid(K).name(), body, &params, sizeof(typename K::Shared)}, shape);
  }

  [[nodiscard]] const FiberOptions& options() const { return options_; }
  /// Little shared memory and few multiprocessors, so that tests of what fits and of what does not stay small.
  [[nodiscard]] LaunchTarget target() const {
    return {.threads = options_.threads, .block_shared_bytes = std::size_t{64} << 10, .multiprocessors = 4};
  }

 private:
  using Body = void (*)(const FiberCta& cta, void* shared, const void* params);
  struct Kernel {
    const char* type_name;
    Body body;
    const void* params;
    std::size_t shared_bytes;
  };

  void run(const Kernel& kernel, LaunchShape shape);

  FiberOptions options_;
  FiberBlock block_;
};

}  // namespace fllm
