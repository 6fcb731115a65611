// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace fllm {

/// Threads made once, that run one task together at a time. The calling thread is worker 0.
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

  /// Runs task(worker) for every worker in [0, worker_count), worker_count in [1, thread_count()]; returns when all are done.
  /// What they wrote is visible to the caller. task must not throw.
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

  Body body_ = nullptr;
  const void* task_ = nullptr;
  std::int32_t worker_count_ = 0;
  bool stop_ = false;
  alignas(64) std::atomic<std::uint32_t> round_{0};    // changes when there is a task, or the end
  alignas(64) std::atomic<std::uint32_t> pending_{0};  // workers that have not finished the round
  std::vector<std::jthread> threads_;
};

}  // namespace fllm
