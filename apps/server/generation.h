// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "apps/server/completion_request.h"
#include "apps/server/event_queue.h"
#include "fundamentallm/generator.h"

namespace fllm::server {

/// The prompts of one request in the generator. What has not ended when it goes away is cancelled. One thread uses it,
/// another one steps the generator, which must outlive it.
class Generation {
 public:
  /// Submits them; ApiError where one is refused. Events come only for a stream, completions always.
  Generation(Generator& generator, const CompletionRequest& request);
  Generation(const Generation&) = delete;
  Generation& operator=(const Generation&) = delete;
  ~Generation();

  /// What happened next; none: nothing in this time, or the client has left too much unread.
  std::optional<Happening> next(std::chrono::milliseconds time);
  [[nodiscard]] bool overrun() const { return queue_->overrun(); }
  /// Every completion was handed out.
  [[nodiscard]] bool finished() const { return completions_ == requests_.size(); }

 private:
  void submit(const CompletionRequest& request, std::size_t prompt);
  void end();

  Generator* generator_;
  std::shared_ptr<EventQueue> queue_;
  std::vector<RequestId> requests_;
  std::size_t completions_ = 0;
};

}  // namespace fllm::server
