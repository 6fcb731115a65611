// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "fundamentallm/generator.h"
#include "host/engine/engine.h"
#include "host/engine/mailbox.h"

namespace fllm {

/// An engine for many threads: takes requests while a step runs, steps on behalf of whoever asks, one at a time, and calls
/// back. Errors are exceptions; one thrown by an engine's step is final: every later call throws it again.
class Driver {
 public:
  explicit Driver(Engine& engine);

  RequestId submit(Request request, RequestCallbacks callbacks);
  /// Exception(kInvalidArgument) from within a callback, where it would wait for itself.
  StepReport step();
  void cancel(RequestId id) { mailbox_.cancel(id); }
  Completion wait(RequestId id);
  void drain();

  [[nodiscard]] bool finished(RequestId id) const { return mailbox_.finished(id); }
  [[nodiscard]] Completion take(RequestId id) { return mailbox_.take(id); }
  [[nodiscard]] Metrics metrics() const { return mailbox_.metrics(); }
  [[nodiscard]] bool idle() const { return mailbox_.idle(); }
  bool wait_for_work(std::chrono::milliseconds time) { return mailbox_.wait_for_work(time); }

 private:
  StepReport run_step();
  void collect();
  void call_back(StepReport& report);
  template <class Call>
  void call(RequestId id, const Call& call);

  Engine* engine_;
  Mailbox mailbox_;
  std::mutex stepping_;  // guards everything below, and the engine but for its prepare
  std::atomic<std::thread::id> stepping_thread_{};
  EngineOutput output_;
  std::vector<Posted> posted_;
  std::vector<RequestId> cancelled_;
  std::unordered_map<std::uint64_t, RequestCallbacks> callbacks_;
  struct Fault {
    RequestId request{};
    Error error;
  };
  std::vector<Fault> faults_;  // of callbacks: their requests end in the next step
};

}  // namespace fllm
