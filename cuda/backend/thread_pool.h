// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace fllm {

/// Threads made once, that run one task together at a time. The calling thread is worker 0.
/// A worker joins a task when it gets to it; the caller waits for those that have joined, not for one that another program
/// keeps from its core. Tasks therefore hand out their work in pieces, so that those who are there do all of it.
/// A worker that finds nothing to do spins for some 200 microseconds, longer than the host's part of a step, and then
/// sleeps. Nobody is tied to a core: on a shared machine that was no faster at best (least time of 150 rounds of 20 us: 1.0 to
/// 1.06 of the free ones) and slower at the median (1.07 to 1.6), and the caller's thread is not ours to tie.
/// Thread-safety: one owner at a time.
class ThreadPool {
 public:
  /// thread_count >= 1, the caller's included. Errors: std::system_error when the system refuses a thread.
  explicit ThreadPool(std::int32_t thread_count);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] std::int32_t thread_count() const { return static_cast<std::int32_t>(threads_.size()) + 1; }

  /// Runs task(0) here and task(worker) in workers of [1, worker_count) that come in time, each at most once; returns when
  /// none of them is left. task returns when nothing is left to do, whoever did it, and must not throw. What the workers wrote
  /// is visible to the caller. worker_count in [1, thread_count()].
  template <class Task>
  void run(std::int32_t worker_count, const Task& task) {
    if (worker_count == 1) return task(0);
    run_erased(
        worker_count, [](const void* t, std::int32_t worker) { (*static_cast<const Task*>(t))(worker); }, &task);
  }

 private:
  using Body = void (*)(const void* task, std::int32_t worker);
  void run_erased(std::int32_t worker_count, Body body, const void* task);
  void work(std::int32_t worker);
  void finish();

  bool join(std::uint32_t round);

  // Read by workers that have joined.
  Body body_ = nullptr;
  const void* task_ = nullptr;
  std::int32_t worker_count_ = 0;
  std::atomic<bool> stop_{false};
  alignas(64) std::atomic<std::uint32_t> round_{0};     // changes when there is a task, or the end
  alignas(64) std::atomic<std::uint64_t> entry_{0};     // round, closed or not, and how many have joined it
  alignas(64) std::atomic<std::uint32_t> finished_{0};  // of those that have joined
  std::vector<std::jthread> threads_;
};

}  // namespace fllm
