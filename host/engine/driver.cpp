// SPDX-License-Identifier: Apache-2.0
#include "host/engine/driver.h"

#include <exception>
#include <string>
#include <utility>

#include "fundamentallm/result.h"

namespace fllm {
namespace {

/// Makes this thread the one that steps.
class Turn {
 public:
  Turn(std::mutex& mutex, std::atomic<std::thread::id>& owner) : owner_(owner) {
    if (owner.load() == std::this_thread::get_id()) {
      throw Exception(ErrorCode::kInvalidArgument,
                      "step: called from a callback of a step: only submit, cancel, "
                      "finished, take, idle and metrics may be");
    }
    lock_ = std::unique_lock(mutex);
    owner_.store(std::this_thread::get_id());
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() { owner_.store(std::thread::id{}); }

 private:
  std::unique_lock<std::mutex> lock_;
  std::atomic<std::thread::id>& owner_;
};

}  // namespace

Driver::Driver(Engine& engine) : engine_(&engine) { mailbox_.publish(engine.metrics(), true); }

RequestId Driver::submit(Request request, RequestCallbacks callbacks) {
  mailbox_.check();
  return mailbox_.post(engine_->prepare(std::move(request)), std::move(callbacks));
}

StepReport Driver::step() {
  const Turn turn(stepping_, stepping_thread_);
  mailbox_.check();
  try {
    return run_step();
  } catch (const Exception& error) {
    mailbox_.fail(Error{error.code(), error.what()});
    throw;
  } catch (const std::exception& error) {
    mailbox_.fail(Error{ErrorCode::kInternal, error.what()});
    throw;
  }
}

StepReport Driver::run_step() {
  StepReport report;
  const Metrics before = engine_->metrics();
  collect();
  if (!engine_->idle()) engine_->step(output_);
  const Metrics after = engine_->metrics();
  report.worked = after.steps != before.steps || !output_.events.empty();
  report.prompt_tokens = after.prompt_tokens - before.prompt_tokens;
  report.drawn_tokens = after.tokens_generated - before.tokens_generated;
  mailbox_.publish(after, false);
  call_back(report);
  mailbox_.publish(after, engine_->idle());  // only now every result is there
  return report;
}

// New requests, then the ends that were asked for: a request may be cancelled before it was seen.
void Driver::collect() {
  mailbox_.collect(posted_, cancelled_);
  output_.events.clear();
  output_.ended.clear();
  output_.finished.clear();
  for (Posted& posted : posted_) {
    const RequestId id = posted.state->completion.request;
    if (posted.callbacks) callbacks_.emplace(static_cast<std::uint64_t>(id), std::move(posted.callbacks));
    engine_->enqueue(std::move(posted.state));
  }
  posted_.clear();
  for (const RequestId id : cancelled_) engine_->end(id, nullptr, output_);
  for (const Fault& fault : faults_) engine_->end(fault.request, &fault.error, output_);
  faults_.clear();
}

/// A callback that throws ends its own request alone.
template <class Call>
void Driver::call(RequestId id, const Call& call) {
  try {
    call();
  } catch (const std::exception& error) {
    faults_.push_back({id, Error{ErrorCode::kInternal, std::string("a callback threw: ") + error.what()}});
  } catch (...) {
    faults_.push_back({id, Error{ErrorCode::kInternal, "a callback threw what is no std::exception"}});
  }
}

void Driver::call_back(StepReport& report) {
  for (std::size_t i = 0; i < output_.events.size(); ++i) {
    StepEvent& event = output_.events[i];
    const auto found = callbacks_.find(static_cast<std::uint64_t>(event.request));
    if (found == callbacks_.end()) {
      report.events.push_back(std::move(event));
      continue;
    }
    const RequestCallbacks& callbacks = found->second;
    if (callbacks.on_event) call(event.request, [&] { callbacks.on_event(event); });
    const Sample* ended = output_.ended[i];
    if (ended != nullptr && callbacks.on_sample) {
      call(event.request, [&] { callbacks.on_sample(event.request, event.sample, *ended); });
    }
  }
  for (Completion& completion : output_.finished) {
    const RequestId id = completion.request;
    const auto found = callbacks_.find(static_cast<std::uint64_t>(id));
    if (found == callbacks_.end() || !found->second.on_done) {
      if (found != callbacks_.end()) callbacks_.erase(found);
      mailbox_.deliver(std::move(completion));
      continue;
    }
    const RequestCallbacks callbacks = std::move(found->second);
    callbacks_.erase(found);
    mailbox_.forget(id);
    call(id, [&] { callbacks.on_done(std::move(completion)); });
  }
}

Completion Driver::wait(RequestId id) {
  while (!mailbox_.finished(id)) step();
  return mailbox_.take(id);
}

void Driver::drain() {
  while (!mailbox_.idle()) step();
}

}  // namespace fllm
