// SPDX-License-Identifier: Apache-2.0
#include "cuda/cta/fiber_block.h"

#include <algorithm>
#include <boost/context/detail/fcontext.hpp>
#include <cstring>
#include <string_view>
#include <utility>

#include "cuda/portable/bits.h"

#if defined(FLLM_SANITIZED)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace fllm {
namespace {

namespace context = boost::context::detail;

/// Unwinds a waiting thread after another one has failed.
struct Cancelled {};

// The address sanitizer has to know which stack is in use.
void announce_switch([[maybe_unused]] void** save, [[maybe_unused]] const void* bottom,
                     [[maybe_unused]] std::size_t bytes) {
#if defined(FLLM_SANITIZED)
  __sanitizer_start_switch_fiber(save, bottom, bytes);
#endif
}
void confirm_switch([[maybe_unused]] void* saved, [[maybe_unused]] const void** old_bottom,
                    [[maybe_unused]] std::size_t* old_bytes) {
#if defined(FLLM_SANITIZED)
  __sanitizer_finish_switch_fiber(saved, old_bottom, old_bytes);
#endif
}
// A fiber's last switch leaves frames behind that never return; the next fiber on this stack must not find their marks.
void forget_frames() {
#if defined(FLLM_SANITIZED)
  __asan_handle_no_return();
#endif
}

bool same_place(const SourceLocation& a, const SourceLocation& b) {
  if (std::memcmp(&a, &b, sizeof a) == 0) return true;  // nearly always, and without a look at what they point to
  return a.line() == b.line() && a.column() == b.column() &&
         (a.file_name() == b.file_name() || std::string_view(a.file_name()) == b.file_name());
}

}  // namespace

FiberBlock::FiberBlock()
    : threads_(kMaxThreads),
      warps_(kMaxThreads / kWarpWidth),
      warp_at_(kMaxThreads / kWarpWidth),
      stacks_(kMaxThreads) {}

void FiberBlock::run(const Work& work, FiberSchedule schedule) {
  reset(work, schedule);
  for (std::int32_t thread = next_thread(); thread >= 0 && !error_; thread = next_thread()) resume(thread);
  if (!error_ && live_count_ > 0) error_ = deadlock();
  if (error_) {
    cancel_waiting();
    std::rethrow_exception(std::exchange(error_, nullptr));
  }
}

void FiberBlock::reset(const Work& work, FiberSchedule schedule) {
  work_ = work;
  schedule_ = schedule;
  random_state_ = schedule + 0x9E3779B97F4A7C15u * static_cast<std::uint64_t>(work.block_index + 1);
  arrived_count_ = 0;
  first_exited_ = -1;
  live_count_ = work.thread_count;
  cancelling_ = false;
  ready_slots_ = 0;
  for (std::int32_t i = 0; i < work.thread_count; ++i) threads_[i] = Thread{};
  for (std::int32_t w = 0; w < work.thread_count / kWarpWidth; ++w) {
    warps_[w].arrived = warps_[w].exited = 0;
    for (std::int32_t i = 0; i < kWarpWidth; ++i) {
      warps_[w].lane_at[i] = static_cast<std::uint8_t>(schedule == 1 ? kWarpWidth - 1 - i : i);
    }
  }
  release_block();
}

// ---- Switching ------------------------------------------------------------------------------------------------------

/// What whoever is switched to learns: of which block, and where to leave the context that has been left.
struct FiberBlock::Switch {
  FiberBlock* block;
  void** left;
};

void* FiberBlock::context_of(std::int32_t thread) {
  Thread& t = threads_[thread];
  if (t.state == State::kFresh) {
    t.state = State::kSuspended;
    t.context = context::make_fcontext(stacks_.top(thread), stacks_.bytes(thread), [](context::transfer_t from) {
      const Switch* const seen = static_cast<const Switch*>(from.data);
      *seen->left = from.fctx;
      seen->block->run_thread(seen->left == &seen->block->scheduler_context_);
    });
  }
  return t.context;
}

void FiberBlock::resume(std::int32_t thread) {
  current_ = thread;
  void* const to = context_of(thread);
  Switch told{this, &scheduler_context_};
  announce_switch(&scheduler_sanitizer_stack_, stacks_.bottom(thread), stacks_.bytes(thread));
  const context::transfer_t from = context::jump_fcontext(to, &told);
  *static_cast<const Switch*>(from.data)->left = from.fctx;
  confirm_switch(scheduler_sanitizer_stack_, nullptr, nullptr);
}

// Straight to whoever is next: through the scheduler there would be two switches for each.
void FiberBlock::suspend(std::int32_t thread) {
  Thread& t = threads_[thread];
  const std::int32_t next = cancelling_ ? -1 : next_thread();
  if (next != thread) {
    current_ = next;
    void* const to = next < 0 ? scheduler_context_ : context_of(next);
    Switch told{this, &t.context};
    if (next < 0) {
      announce_switch(&t.sanitizer_stack, scheduler_bottom_, scheduler_bytes_);
    } else {
      announce_switch(&t.sanitizer_stack, stacks_.bottom(next), stacks_.bytes(next));
    }
    const context::transfer_t from = context::jump_fcontext(to, &told);
    *static_cast<const Switch*>(from.data)->left = from.fctx;
    confirm_switch(t.sanitizer_stack, nullptr, nullptr);
  }
  if (cancelling_) throw Cancelled{};
  t.waits_in = FiberOperation::kNone;
}

void FiberBlock::run_thread(bool from_scheduler) {
  confirm_switch(nullptr, from_scheduler ? &scheduler_bottom_ : nullptr, from_scheduler ? &scheduler_bytes_ : nullptr);
  const std::int32_t thread = current_;
  // No switch happens inside a handler: the exceptions being handled belong to the system thread, not to the fiber.
  try {
    work_.body(work_.argument, thread);
    finish(thread);
  } catch (const Cancelled&) {
  } catch (...) {
    error_ = std::current_exception();
  }
  threads_[thread].state = State::kDone;
  forget_frames();
  announce_switch(nullptr, scheduler_bottom_, scheduler_bytes_);
  Switch told{this, &threads_[thread].context};
  context::jump_fcontext(scheduler_context_, &told);
}

void FiberBlock::cancel_waiting() {
  cancelling_ = true;
  for (std::int32_t i = 0; i < work_.thread_count; ++i) {
    if (threads_[i].state == State::kSuspended) resume(i);
  }
}

// ---- Order ----------------------------------------------------------------------------------------------------------

std::int32_t FiberBlock::next_thread() {
  if (ready_slots_ == 0) return -1;
  const std::int32_t warp = warp_at_[lowest_bit(ready_slots_)];
  Warp& w = warps_[warp];
  const std::int32_t lane = w.lane_at[lowest_bit(w.ready)];
  w.ready &= w.ready - 1;
  if (w.ready == 0) ready_slots_ &= ~(1u << w.slot);
  return warp * kWarpWidth + lane;
}

void FiberBlock::release_block() {
  arrived_count_ = 0;
  order_warps();
  for (std::int32_t w = 0; w < work_.thread_count / kWarpWidth; ++w) release_warp(w);
}

void FiberBlock::release_warp(std::int32_t warp) {
  Warp& w = warps_[warp];
  order_lanes(w);
  w.arrived = 0;
  w.operation = FiberOperation::kNone;
  w.ready = ~0u;
  ready_slots_ |= 1u << w.slot;
}

void FiberBlock::order_warps() {
  const std::int32_t count = work_.thread_count / kWarpWidth;
  for (std::int32_t i = 0; i < count; ++i) warp_at_[i] = schedule_ == 1 ? count - 1 - i : i;
  if (schedule_ > 1) {
    for (std::int32_t i = count - 1; i > 0; --i) std::swap(warp_at_[i], warp_at_[random_below(i + 1)]);
  }
  for (std::int32_t i = 0; i < count; ++i) warps_[warp_at_[i]].slot = i;
}

void FiberBlock::order_lanes(Warp& warp) {
  if (schedule_ <= 1) return;  // as reset has left them
  for (std::int32_t i = 0; i < kWarpWidth; ++i) warp.lane_at[i] = static_cast<std::uint8_t>(i);
  for (std::int32_t i = kWarpWidth - 1; i > 0; --i) std::swap(warp.lane_at[i], warp.lane_at[random_below(i + 1)]);
}

// splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
std::uint32_t FiberBlock::random_below(std::uint32_t bound) {
  std::uint64_t z = random_state_ += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return static_cast<std::uint32_t>(((z ^ (z >> 31)) >> 32) * bound >> 32);
}

// ---- Meeting --------------------------------------------------------------------------------------------------------

void FiberBlock::sync(std::int32_t thread, const SourceLocation& where) {
  if (first_exited_ >= 0) {
    fail(FiberFault::kEarlyExit, thread, where,
         "waits in sync, but thread " + std::to_string(first_exited_) + " has already returned");
  }
  if (arrived_count_ == 0) {
    first_arrived_ = thread;
  } else if (const Thread& first = threads_[first_arrived_]; !same_place(first.where, where)) {
    fail(FiberFault::kDivergentBarrier, thread, where,
         "divergent barrier: in sync here, while thread " + std::to_string(first_arrived_) + " waits in " +
             name(first.waits_in, first.where));
  }
  threads_[thread].waits_in = FiberOperation::kSync;
  threads_[thread].where = where;
  if (++arrived_count_ == work_.thread_count) release_block();
  suspend(thread);
}

const std::uint64_t* FiberBlock::exchange(std::int32_t thread, FiberOperation operation, std::uint64_t value,
                                          std::int32_t argument, const SourceLocation& where) {
  Warp& w = warps_[thread / kWarpWidth];
  const std::int32_t lane = thread % kWarpWidth;
  if (w.exited != 0) {
    fail(FiberFault::kEarlyExit, thread, where,
         "lane " + std::to_string(lane) + " waits in " + name(operation, where) + ", but lane " +
             std::to_string(lowest_bit(w.exited)) + " of its warp has already returned");
  }
  if (w.arrived == 0) {
    w.operation = operation;
    w.argument = argument;
    w.where = where;
  } else if (w.operation != operation || w.argument != argument || !same_place(w.where, where)) {
    fail(FiberFault::kWarpDisagreement, thread, where,
         "lanes of a warp disagree: lane " + std::to_string(lane) + " is in " + name(operation, where) + " (argument " +
             std::to_string(argument) + "), lane " + std::to_string(lowest_bit(w.arrived)) + " in " +
             name(w.operation, w.where) + " (argument " + std::to_string(w.argument) + ")");
  }
  threads_[thread].waits_in = operation;
  threads_[thread].where = where;
  w.posted[lane] = value;
  w.arrived |= 1u << lane;
  if (w.arrived == ~0u) {
    std::copy(std::begin(w.posted), std::end(w.posted), std::begin(w.results));
    release_warp(thread / kWarpWidth);
  }
  suspend(thread);
  return w.results;
}

void FiberBlock::finish(std::int32_t thread) {
  Warp& w = warps_[thread / kWarpWidth];
  const std::int32_t waiting = arrived_count_ > 0 ? first_arrived_
                               : w.arrived != 0   ? thread / kWarpWidth * kWarpWidth + lowest_bit(w.arrived)
                                                  : -1;
  if (waiting >= 0) {
    const Thread& t = threads_[waiting];
    fail(FiberFault::kEarlyExit, thread, t.where,
         "has returned, while thread " + std::to_string(waiting) + " waits for it in " + name(t.waits_in, t.where));
  }
  w.exited |= 1u << thread % kWarpWidth;
  if (first_exited_ < 0) first_exited_ = thread;
  --live_count_;
}

// ---- Messages -------------------------------------------------------------------------------------------------------

void FiberBlock::fail(FiberFault fault, std::int32_t thread, const SourceLocation& where,
                      const std::string& text) const {
  throw FiberError(fault, {work_.kernel, work_.block_index, thread, where}, text);
}

std::string FiberBlock::name(FiberOperation operation, const SourceLocation& where) {
  constexpr const char* kNames[] = {"nothing", "sync", "sync_warp", "shuffle", "shuffle_xor", "ballot"};
  return std::string(kNames[static_cast<std::size_t>(operation)]) + " at " + FiberError::describe(where);
}

std::exception_ptr FiberBlock::deadlock() const {
  struct Group {
    std::int32_t first, count;
  };
  std::vector<Group> groups;
  for (std::int32_t i = 0; i < work_.thread_count; ++i) {
    const Thread& t = threads_[i];
    if (t.state == State::kDone) continue;
    bool known = false;
    for (Group& g : groups) {
      const Thread& first = threads_[g.first];
      if (first.waits_in == t.waits_in && same_place(first.where, t.where)) {
        ++g.count;
        known = true;
        break;
      }
    }
    if (!known) groups.push_back({i, 1});
  }
  std::string text = "deadlock: no thread can go on";
  for (const Group& g : groups) {
    text += "; " + std::to_string(g.count) + " from thread " + std::to_string(g.first) + " wait in " +
            name(threads_[g.first].waits_in, threads_[g.first].where);
  }
  const std::int32_t first = groups.front().first;
  return std::make_exception_ptr(
      FiberError(FiberFault::kDeadlock, {work_.kernel, work_.block_index, first, threads_[first].where}, text));
}

}  // namespace fllm
