// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include "cuda/cta/fiber_error.h"
#include "cuda/cta/fiber_stacks.h"
#include "cuda/portable/source_location.h"

namespace fllm {

/// Order in which runnable threads are taken: 0 ascending, 1 descending, any other value a seed by which warps are
/// shuffled at each block barrier and lanes at each rendezvous of their warp. A thread runs until it waits, so an order is
/// also the greatest lead its first threads can have over the others.
using FiberSchedule = std::uint64_t;

enum class FiberOperation : std::uint8_t { kNone, kSync, kSyncWarp, kShuffle, kShuffleXor, kBallot };

/// Runs thread blocks, one at a time, each thread a fiber of the calling system thread. Warps are 32 threads.
/// Thread-safety: one owner at a time.
class FiberBlock {
 public:
  static constexpr std::int32_t kMaxThreads = 1024;
  static constexpr std::int32_t kWarpWidth = 32;
  using Body = void (*)(void* argument, std::int32_t thread);

  struct Work {
    const char* kernel = "";  // for messages
    std::int32_t block_index = 0;
    std::int32_t thread_count = 0;  // a multiple of 32, at most kMaxThreads
    Body body = nullptr;
    void* argument = nullptr;
  };

  FiberBlock();

  /// Runs body(argument, t) for every thread t. Errors: FiberError; whatever body throws. In both cases the stacks of the
  /// other threads are unwound first.
  void run(const Work& work, FiberSchedule schedule);

  // What threads call through FiberCta, each on its own fiber.

  void sync(std::int32_t thread, const SourceLocation& where);

  /// Waits for the whole warp; the result holds each lane's value until the caller's next collective. All lanes must pass
  /// the same operation, argument and place.
  const std::uint64_t* exchange(std::int32_t thread, FiberOperation operation, std::uint64_t value,
                                std::int32_t argument, const SourceLocation& where);

  [[noreturn]] void fail(FiberFault fault, std::int32_t thread, const SourceLocation& where,
                         const std::string& text) const;

 private:
  enum class State : std::uint8_t { kFresh, kSuspended, kDone };
  struct Thread {
    void* context = nullptr;
    void* sanitizer_stack = nullptr;
    State state = State::kFresh;
    FiberOperation waits_in = FiberOperation::kNone;
    SourceLocation where;
  };
  struct Warp {
    std::uint32_t ready = 0;                // bit per position in lane_at
    std::uint32_t arrived = 0, exited = 0;  // bit per lane
    std::int32_t slot = 0;
    FiberOperation operation = FiberOperation::kNone;
    std::int32_t argument = 0;
    SourceLocation where;
    std::uint8_t lane_at[kWarpWidth];
    std::uint64_t posted[kWarpWidth];
    std::uint64_t results[kWarpWidth];
  };

  struct Switch;

  void reset(const Work& work, FiberSchedule schedule);
  [[nodiscard]] std::int32_t next_thread();
  [[nodiscard]] void* context_of(std::int32_t thread);
  void resume(std::int32_t thread);
  void suspend(std::int32_t thread);
  void run_thread(bool from_scheduler);
  void finish(std::int32_t thread);
  void cancel_waiting();
  void release_block();
  void release_warp(std::int32_t warp);
  void order_warps();
  void order_lanes(Warp& warp);
  [[nodiscard]] std::uint32_t random_below(std::uint32_t bound);
  [[nodiscard]] std::exception_ptr deadlock() const;
  [[nodiscard]] static std::string name(FiberOperation operation, const SourceLocation& where);

  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<std::int32_t> warp_at_;  // [slots]
  std::uint32_t ready_slots_ = 0;
  FiberStacks stacks_;

  Work work_;
  FiberSchedule schedule_ = 0;
  std::uint64_t random_state_ = 0;
  std::int32_t current_ = 0;
  std::int32_t arrived_count_ = 0;  // in sync
  std::int32_t first_arrived_ = 0;
  std::int32_t first_exited_ = -1;
  std::int32_t live_count_ = 0;
  bool cancelling_ = false;
  std::exception_ptr error_;

  void* scheduler_context_ = nullptr;
  void* scheduler_sanitizer_stack_ = nullptr;
  const void* scheduler_bottom_ = nullptr;
  std::size_t scheduler_bytes_ = 0;
};

}  // namespace fllm
