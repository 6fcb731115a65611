// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/batch.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "apps/cli/errors.h"
#include "apps/cli/requests.h"
#include "apps/cli/signals.h"
#include "apps/cli/text.h"

namespace fllm::cli {

namespace {

// What may wait beyond the rows of the engine: enough to refill every row at once, little enough to hold in memory.
constexpr std::int64_t kMaxPendingSamples = 1024;
constexpr std::size_t kMaxPendingBytes = std::size_t{64} << 20;

}  // namespace

BatchReport Batch::run() {
  while (true) {
    if (!cancelled_ && noted_signal() != 0) cancel_all();
    admit();
    if (pending_.empty()) break;
    if (!generator_.idle()) advance();
    write_finished();
  }
  progress_.clear();
  return report_;
}

bool Batch::has_room() const {
  return pending_.empty() || (pending_samples_ < kMaxPendingSamples && pending_bytes_ < kMaxPendingBytes);
}

void Batch::admit() {
  while (!at_end_ && has_room()) {
    Job job;
    // Whoever feeds a pipe line by line gets each result without having to send the next line first.
    switch (source_.next(job, pending_.empty())) {
      case JobSource::Status::kWouldBlock:
        return;
      case JobSource::Status::kEnd:
        at_end_ = true;
        return;
      case JobSource::Status::kJob:
        submit(std::move(job));
        break;
    }
  }
}

void Batch::submit(Job job) {
  Pending& pending = pending_.emplace_back();
  pending.job = std::move(job);
  pending_bytes_ += pending.job.held_bytes();
  ++pending_samples_;
  if (pending.job.error) {
    pending.error = pending.job.error;
    return;
  }
  const Job& read = pending.job;
  Request request =
      read.messages.empty() ? make_request(read.settings, read.prompt) : make_request(read.settings, read.messages);
  const std::int32_t samples = read.settings.row_count();
  Result<RequestId> submitted = generator_.submit(std::move(request));
  if (!submitted) {
    pending.error = submitted.error();
    return;
  }
  pending.request = *submitted;
  pending.running = true;
  pending_samples_ += samples - 1;
  by_request_[static_cast<std::uint64_t>(*submitted)] = &pending;
  if (stream_ != nullptr) stream_->begin_stream(pending.job);
}

void Batch::advance() {
  const Result<StepReport> report = generator_.step();
  for (const StepEvent& event : report.value()) {
    const auto found = by_request_.find(static_cast<std::uint64_t>(event.request));
    if (found == by_request_.end()) continue;
    if (event.token) {
      ++found->second->tokens;
      ++drawn_tokens_;
    }
    if (event.last) found->second->running = false;
    if (stream_ != nullptr) stream_->stream(event.text);
  }
  if (progress_.is_due()) progress_.draw(progress());
}

void Batch::write_finished() {
  const std::int64_t before = written_;
  while (!pending_.empty()) {
    Pending& front = pending_.front();
    if (front.request && front.running && !cancelled_) break;
    written_bytes_ = front.job.end_bytes;
    ++written_;
    pending_bytes_ -= std::min(pending_bytes_, front.job.held_bytes());
    pending_samples_ -= front.request ? std::max(1, front.job.settings.row_count()) : 1;
    write(front);
    if (front.request) by_request_.erase(static_cast<std::uint64_t>(*front.request));
    pending_.pop_front();
  }
  if (written_ != before) writer_.flush();
}

void Batch::write(Pending& pending) {
  // After a signal, jobs that had not begun leave no record, and records have no gaps.
  ended_ = ended_ || (cancelled_ && pending.tokens == 0 && stream_ == nullptr);
  if (ended_) return;
  ++report_.requests;
  std::optional<Error> error = pending.error;
  if (!error) {
    Result<Completion> completion = generator_.take(*pending.request);
    if (completion) {
      report_.last_seed = completion->seed;
      report_.tokens += completion->usage.completion_tokens;
      for (const Sample& sample : completion->samples) {
        if (sample.error && !report_.last_error) report_.last_error = sample.error;
      }
      report_.failed += std::any_of(completion->samples.begin(), completion->samples.end(),
                                    [](const Sample& sample) { return sample.error.has_value(); });
      progress_.clear();
      writer_.write(pending.job, *completion);
      return;
    }
    error = completion.error();
  }
  error->message = joined(with_flag_names(error->message, pending.job.line == 0), "; ");
  ++report_.failed;
  report_.last_error = error;
  progress_.clear();
  writer_.write_error(pending.job, *error);
}

Progress::State Batch::progress() const {
  Progress::State state{written_, drawn_tokens_, static_cast<double>(written_bytes_)};
  std::int64_t start = written_bytes_;
  for (const Pending& pending : pending_) {
    const Settings& settings = pending.job.settings;
    const double limit =
        static_cast<double>(settings.max_tokens.value_or(LengthOptions{}.max_tokens)) * settings.text_count();
    const double share = !pending.running ? 1 : std::min(1.0, pending.tokens / limit);
    state.bytes += share * static_cast<double>(pending.job.end_bytes - start);
    start = pending.job.end_bytes;
  }
  return state;
}

void Batch::cancel_all() {
  cancelled_ = true;
  at_end_ = true;
  for (const Pending& pending : pending_) {
    if (pending.request) generator_.cancel(*pending.request);
  }
}

}  // namespace fllm::cli
