// SPDX-License-Identifier: Apache-2.0
#include "host/engine/mailbox.h"

#include <string>
#include <utility>

#include "fundamentallm/result.h"

namespace fllm {
namespace {

using Lock = std::lock_guard<std::mutex>;

std::uint64_t number(RequestId id) { return static_cast<std::uint64_t>(id); }

}  // namespace

RequestId Mailbox::post(std::unique_ptr<RequestState> state, RequestCallbacks callbacks) {
  RequestId id{};
  {
    const Lock lock(mutex_);
    check_unlocked();
    id = RequestId{next_id_++};
    state->completion.request = id;
    state->submitted = Clock::now();
    posted_.push_back({std::move(state), std::move(callbacks)});
    unfinished_.insert(number(id));
  }
  work_.notify_all();
  return id;
}

void Mailbox::cancel(RequestId id) {
  const Lock lock(mutex_);
  if (unfinished_.contains(number(id))) cancelled_.push_back(id);
}

void Mailbox::collect(std::vector<Posted>& posted, std::vector<RequestId>& cancelled) {
  const Lock lock(mutex_);
  posted.clear();
  cancelled.clear();
  posted.swap(posted_);
  cancelled.swap(cancelled_);
  metrics_.queued_requests += static_cast<std::int64_t>(posted.size());
  idle_ = idle_ && posted.empty();
}

void Mailbox::publish(const Metrics& metrics, bool idle) {
  const Lock lock(mutex_);
  metrics_ = metrics;
  idle_ = idle;
}

void Mailbox::deliver(Completion completion) {
  const Lock lock(mutex_);
  unfinished_.erase(number(completion.request));
  results_.emplace(number(completion.request), std::move(completion));
}

void Mailbox::forget(RequestId id) {
  const Lock lock(mutex_);
  unfinished_.erase(number(id));
}

void Mailbox::fail(const Error& error) {
  const Lock lock(mutex_);
  failure_ = error;
}

void Mailbox::check() const {
  const Lock lock(mutex_);
  check_unlocked();
}

void Mailbox::check_unlocked() const {
  if (failure_) throw Exception(failure_->code, "an earlier step failed: " + failure_->message);
}

bool Mailbox::finished(RequestId id) const {
  const Lock lock(mutex_);
  return !unfinished_.contains(number(id));
}

Completion Mailbox::take(RequestId id) {
  const Lock lock(mutex_);
  const auto found = results_.find(number(id));
  if (found == results_.end()) {
    throw Exception(ErrorCode::kInvalidArgument,
                    "request " + std::to_string(number(id)) +
                        (unfinished_.contains(number(id)) ? ": not finished: it must be, to be taken"
                                                          : ": unknown, or taken before"));
  }
  Completion completion = std::move(found->second);
  results_.erase(found);
  return completion;
}

Metrics Mailbox::metrics() const {
  const Lock lock(mutex_);
  Metrics metrics = metrics_;
  metrics.queued_requests += static_cast<std::int64_t>(posted_.size());
  return metrics;
}

bool Mailbox::idle() const {
  const Lock lock(mutex_);
  return idle_unlocked();
}

bool Mailbox::wait_for_work(std::chrono::milliseconds time) {
  std::unique_lock<std::mutex> lock(mutex_);
  return work_.wait_for(lock, time, [this] { return !idle_unlocked(); });
}

}  // namespace fllm
