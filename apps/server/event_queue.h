// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <variant>

#include "fundamentallm/request.h"

namespace fllm::server {

/// What happened to one prompt of a request.
struct Happening {
  std::int32_t prompt = 0;
  std::variant<StepEvent, Completion> what;
};

/// From the thread that steps to the one that writes a response. Pushing never waits; what a client leaves unread is bounded
/// by its bytes. Thread-safe.
class EventQueue {
 public:
  explicit EventQueue(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  /// False: it is closed, or would hold too much; then it is overrun, keeps nothing and takes nothing more.
  bool push(Happening happening);
  /// None: nothing came in this time, or the queue is overrun.
  std::optional<Happening> pop(std::chrono::milliseconds time);
  [[nodiscard]] bool overrun() const;
  void close();

 private:
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Happening> waiting_;
  std::size_t limit_bytes_, bytes_ = 0;
  bool closed_ = false, overrun_ = false;
};

}  // namespace fllm::server
