// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cuda/backend/aligned_memory.h"
#include "cuda/backend/serial_cost.h"
#include "cuda/backend/serial_kernels.h"
#include "cuda/backend/thread_pool.h"

namespace fllm {

/// Runs kernel objects on the CPU, a thread to a block. The blocks of a grid are split evenly over the threads of a pool, so
/// that each finds the same part of a weight in its cache at every step; a thread that has done its share takes pieces of
/// the others'.
/// A launch has ended when the call returns. Thread-safety: one owner at a time.
class SerialExecutor {
 public:
  /// kernels: a table this machine can run. threads >= 1.
  SerialExecutor(const SerialKernels& kernels, std::int32_t threads);

  [[nodiscard]] std::string description() const;  // "cpu (2 threads, v4)"
  [[nodiscard]] static LaunchTarget target() {
    return {.warp_width = 1, .block_shared_bytes = std::size_t{1} << 40};  // ordinary memory
  }

  template <class Kernel>
  void launch(const LaunchShape& shape, const typename Kernel::Params& params) {
    reserve_dynamic(shape.dynamic_shared_bytes);
    run<Kernel>(shape, params, [this](std::size_t worker) { return memory_[worker].dynamic.get(); });
  }

  /// Bytes of memory a launch of this shape needs in launch_in.
  [[nodiscard]] std::size_t dynamic_bytes(const LaunchShape& shape) const {
    const auto workers = static_cast<std::size_t>(std::min(shape.grid, pool_.thread_count()));
    const std::size_t bytes = workers * padded(shape.dynamic_shared_bytes);
    return bytes == 0 ? 0 : bytes + kMemoryAlignment - 1;
  }
  /// launch with the dynamic shared memory in `memory` of dynamic_bytes(shape), any alignment: nothing is allocated.
  template <class Kernel>
  void launch_in(std::span<std::byte> memory, const LaunchShape& shape, const typename Kernel::Params& params) {
    std::byte* start = memory.data() + (-reinterpret_cast<std::uintptr_t>(memory.data()) & (kMemoryAlignment - 1));
    const std::size_t stride = padded(shape.dynamic_shared_bytes);
    run<Kernel>(shape, params, [start, stride](std::size_t worker) { return start + worker * stride; });
  }

 private:
  static std::size_t padded(std::size_t bytes) {
    return (bytes + kMemoryAlignment - 1) / kMemoryAlignment * kMemoryAlignment;
  }

  /// dynamic_of(worker): where its dynamic shared memory is.
  template <class Kernel, class DynamicOf>
  void run(const LaunchShape& shape, const typename Kernel::Params& params, const DynamicOf& dynamic_of) {
    if (shape.grid == 0) return;
    const double threads_worth = shape.grid * block_nanoseconds(params) / kNanosecondsPerThread;
    const std::int32_t most = std::min(shape.grid, pool_.thread_count());
    const std::int32_t workers = threads_worth < most ? std::max(1, static_cast<std::int32_t>(threads_worth)) : most;
    const auto run_blocks = kernels_.entry<Kernel>().run;
    share_out(shape.grid, workers);
    pool_.run(workers, [&](std::int32_t worker) {
      const auto index = static_cast<std::size_t>(worker);
      for (std::int32_t turn = 0; turn < workers; ++turn) {
        Share& share = shares_[static_cast<std::size_t>((worker + turn) % workers)];
        for (std::int64_t begin = share.take(); begin < share.end; begin = share.take()) {
          const std::int64_t end = std::min(begin + share.piece, share.end);
          run_blocks(params, {static_cast<std::int32_t>(begin), static_cast<std::int32_t>(end), shape.grid},
                     {memory_[index].shared.get(), dynamic_of(index)});
        }
      }
    });
  }

  /// A worker's part of a grid.
  struct alignas(64) Share {
    std::atomic<std::int64_t> next{0};
    std::int64_t end = 0, piece = 1;
    std::int64_t take() { return next.fetch_add(piece, std::memory_order_relaxed); }
  };
  void share_out(std::int32_t grid, std::int32_t workers);

  struct WorkerMemory {
    AlignedMemory shared;
    AlignedMemory dynamic;
  };
  /// Grows only for a launch larger than any before it.
  void reserve_dynamic(std::size_t bytes);

  const SerialKernels& kernels_;
  ThreadPool pool_;
  std::vector<WorkerMemory> memory_;  // [threads]
  std::vector<Share> shares_;         // [threads]
  std::size_t dynamic_bytes_ = 0;
};

}  // namespace fllm
