// SPDX-License-Identifier: Apache-2.0
#include "apps/server/event_queue.h"

#include <utility>

namespace fllm::server {

namespace {

std::size_t bytes_of(const TokenDetail& detail) { return sizeof detail + detail.top.size() * sizeof(TokenLogprob); }

/// What it takes from the heap. A completion is the result itself, bounded by the tokens of its request.
std::size_t bytes_of(const Happening& happening) {
  std::size_t bytes = sizeof happening;
  if (const auto* event = std::get_if<StepEvent>(&happening.what)) {
    bytes += event->text.size() + (event->detail ? bytes_of(*event->detail) : 0);
  }
  return bytes;
}

}  // namespace

bool EventQueue::push(Happening happening) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || overrun_) return false;
    const std::size_t added = bytes_of(happening);
    if (added > limit_bytes_ - bytes_) {
      overrun_ = true;
      waiting_.clear();
    } else {
      bytes_ += added;
      waiting_.push_back(std::move(happening));
    }
  }
  arrived_.notify_one();
  return !overrun();
}

std::optional<Happening> EventQueue::pop(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, time, [this] { return !waiting_.empty() || overrun_; });
  if (waiting_.empty()) return std::nullopt;
  Happening first = std::move(waiting_.front());
  waiting_.pop_front();
  bytes_ -= bytes_of(first);
  return first;
}

bool EventQueue::overrun() const {
  const std::lock_guard lock(mutex_);
  return overrun_;
}

void EventQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  waiting_.clear();
}

}  // namespace fllm::server
