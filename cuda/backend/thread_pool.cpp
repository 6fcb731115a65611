// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/thread_pool.h"

#include <chrono>

#include "cuda/backend/cpu_pause.h"

namespace fllm {
namespace {

// Waking a sleeper takes tens of microseconds. A wait shorter than that would make both sides sleep at every launch, so
// the spin is longer. It offers the core to others now and then: the awaited thread may be one of them. If somebody else took
// it for long, cores are short and the spin only keeps the awaited thread from one; a sleeper is put back at once.
constexpr std::int32_t kSpins = 16000;  // of about 10 ns
constexpr std::int32_t kSpinsPerYield = 128;
constexpr std::chrono::microseconds kLongYield{100};

// Of an entry: who joined a round, and whether it is closed; the round is in the upper half.
constexpr std::uint64_t kJoined = 0x7fffffff, kClosed = 0x80000000;
constexpr std::uint64_t open_entry(std::uint32_t round) { return std::uint64_t{round} << 32; }

/// Offers the core; false when that took long.
bool yields_shortly() {
  const auto start = std::chrono::steady_clock::now();
  std::this_thread::yield();
  return std::chrono::steady_clock::now() - start < kLongYield;
}

/// Waits until value is no longer `old`.
void wait_for_change(const std::atomic<std::uint32_t>& value, std::uint32_t old) {
  for (std::int32_t i = 1; i <= kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    if (i % kSpinsPerYield != 0) {
      cpu_pause();
    } else if (!yields_shortly()) {
      break;
    }
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

ThreadPool::ThreadPool(std::int32_t thread_count) {
  threads_.reserve(static_cast<std::size_t>(thread_count - 1));
  try {
    for (std::int32_t worker = 1; worker < thread_count; ++worker)
      threads_.emplace_back([this, worker] { work(worker); });
  } catch (...) {
    finish();
    throw;
  }
}

ThreadPool::~ThreadPool() { finish(); }

void ThreadPool::finish() {
  stop_.store(true, std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  threads_.clear();  // joins while the members they read are alive
}

void ThreadPool::run_erased(std::int32_t worker_count, Body body, const void* task) {
  body_ = body;
  task_ = task;
  worker_count_ = worker_count;
  finished_.store(0, std::memory_order_relaxed);
  const std::uint32_t round = round_.load(std::memory_order_relaxed) + 1;
  entry_.store(open_entry(round), std::memory_order_release);
  round_.store(round, std::memory_order_release);
  round_.notify_all();
  body(task, 0);
  const auto joined = static_cast<std::uint32_t>(entry_.fetch_or(kClosed, std::memory_order_relaxed) & kJoined);
  for (std::uint32_t done = finished_.load(std::memory_order_acquire); done != joined;
       done = finished_.load(std::memory_order_acquire)) {
    wait_for_change(finished_, done);
  }
}

/// False when the round is over already.
bool ThreadPool::join(std::uint32_t round) {
  std::uint64_t entry = entry_.load(std::memory_order_relaxed);
  do {
    if ((entry & ~kJoined) != open_entry(round)) return false;
  } while (!entry_.compare_exchange_weak(entry, entry + 1, std::memory_order_acquire, std::memory_order_relaxed));
  return true;
}

void ThreadPool::work(std::int32_t worker) {
  for (std::uint32_t seen = 0;;) {
    wait_for_change(round_, seen);
    seen = round_.load(std::memory_order_acquire);
    if (stop_.load(std::memory_order_relaxed)) return;
    if (!join(seen)) continue;
    if (worker < worker_count_) body_(task_, worker);
    finished_.fetch_add(1, std::memory_order_release);
    finished_.notify_one();
  }
}

}  // namespace fllm
