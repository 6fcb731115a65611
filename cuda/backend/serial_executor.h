// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "cuda/backend/aligned_memory.h"
#include "cuda/backend/serial_cost.h"
#include "cuda/backend/serial_kernels.h"
#include "cuda/backend/thread_pool.h"

namespace fllm {

/// Runs kernel objects on the CPU, a thread to a block, the blocks of a grid split evenly over the threads of a pool.
/// A launch has ended when the call returns. Thread-safety: one owner at a time.
class SerialExecutor {
 public:
  /// kernels: a table this machine can run. threads >= 1.
  SerialExecutor(const SerialKernels& kernels, std::int32_t threads);

  [[nodiscard]] const char* isa() const { return kernels_.isa; }
  [[nodiscard]] std::int32_t thread_count() const { return pool_.thread_count(); }
  [[nodiscard]] static LaunchTarget target() {
    return {.warp_width = 1, .block_shared_bytes = std::size_t{1} << 40};  // ordinary memory
  }

  template <class Kernel>
  void launch(const LaunchShape& shape, const typename Kernel::Params& params) {
    if (shape.grid == 0) return;
    const double threads_worth = shape.grid * block_nanoseconds(params) / kNanosecondsPerThread;
    const std::int32_t most = std::min(shape.grid, pool_.thread_count());
    const std::int32_t workers = threads_worth < most ? std::max(1, static_cast<std::int32_t>(threads_worth)) : most;
    reserve_dynamic(shape.dynamic_shared_bytes);
    const auto run = kernels_.entry<Kernel>().run;
    pool_.run(workers, [&](std::int32_t worker) {
      const std::int64_t grid = shape.grid;
      const BlockRange range{static_cast<std::int32_t>(grid * worker / workers),
                             static_cast<std::int32_t>(grid * (worker + 1) / workers), shape.grid};
      const WorkerMemory& memory = memory_[static_cast<std::size_t>(worker)];
      run(params, range, {memory.shared.get(), memory.dynamic.get()});
    });
  }

 private:
  struct WorkerMemory {
    AlignedMemory shared;
    AlignedMemory dynamic;
  };
  /// Grows only for a launch larger than any before it.
  void reserve_dynamic(std::size_t bytes);

  const SerialKernels& kernels_;
  ThreadPool pool_;
  std::vector<WorkerMemory> memory_;  // [threads]
  std::size_t dynamic_bytes_ = 0;
};

}  // namespace fllm
