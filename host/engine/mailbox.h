// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "fundamentallm/generator.h"
#include "host/engine/request_state.h"

namespace fllm {

/// A request on its way to the thread that steps.
struct Posted {
  std::unique_ptr<RequestState> state;
  RequestCallbacks callbacks;
};

/// What lies between the threads that ask and the one that steps: requests and cancellations in, results and metrics out.
/// Every function may be called from any thread and holds its lock for a moment only.
class Mailbox {
 public:
  /// Throws the failure where there is one.
  RequestId post(std::unique_ptr<RequestState> state, RequestCallbacks callbacks);
  void cancel(RequestId id);
  /// Moves out what has come since the last time, in order.
  void collect(std::vector<Posted>& posted, std::vector<RequestId>& cancelled);
  void publish(const Metrics& metrics, bool idle);
  /// A result, for whoever takes it.
  void deliver(Completion completion);
  /// A result that nobody takes: a callback got it.
  void forget(RequestId id);
  void fail(const Error& error);
  void check() const;

  /// All its samples have ended; also true of a request that is unknown, or taken.
  [[nodiscard]] bool finished(RequestId id) const;
  /// Exception(kInvalidArgument) for a request that is unknown, taken or not finished.
  [[nodiscard]] Completion take(RequestId id);
  [[nodiscard]] Metrics metrics() const;
  [[nodiscard]] bool idle() const;
  /// Until there is something to do, or the time is over; whether there is.
  bool wait_for_work(std::chrono::milliseconds time);

 private:
  [[nodiscard]] bool idle_unlocked() const { return idle_ && posted_.empty(); }
  void check_unlocked() const;

  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::vector<Posted> posted_;
  std::vector<RequestId> cancelled_;
  std::unordered_set<std::uint64_t> unfinished_;
  std::unordered_map<std::uint64_t, Completion> results_;
  Metrics metrics_;
  bool idle_ = true;
  std::uint64_t next_id_ = 1;
  std::optional<Error> failure_;
};

}  // namespace fllm
