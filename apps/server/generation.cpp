// SPDX-License-Identifier: Apache-2.0
#include "apps/server/generation.h"

#include <string>
#include <utility>

#include "apps/server/api_error.h"

namespace fllm::server {

namespace {

constexpr std::size_t kMaxUnreadBytes = std::size_t{4} << 20;

}  // namespace

Generation::Generation(Generator& generator, const CompletionRequest& request)
    : generator_(&generator), queue_(std::make_shared<EventQueue>(kMaxUnreadBytes)) {
  try {
    for (std::size_t prompt = 0; prompt < request.prompts.size(); ++prompt) submit(request, prompt);
  } catch (...) {
    end();
    throw;
  }
}

Generation::~Generation() { end(); }

void Generation::submit(const CompletionRequest& request, std::size_t prompt) {
  Request one = request.options;
  one.prompt = request.prompts[prompt];
  const auto place = static_cast<std::int32_t>(prompt);
  RequestCallbacks callbacks;
  if (request.stream) {
    callbacks.on_event = [queue = queue_, generator = generator_, place](const StepEvent& event) {
      if (!queue->push({place, event})) generator->cancel(event.request);
    };
  }
  callbacks.on_done = [queue = queue_, place](Completion completion) { queue->push({place, std::move(completion)}); };
  const Result<RequestId> submitted = generator_->submit(std::move(one), std::move(callbacks));
  if (!submitted) {
    Error error = submitted.error();
    if (request.prompts.size() > 1) error.message += " (prompt " + std::to_string(prompt) + ")";
    throw api_error(error);
  }
  requests_.push_back(*submitted);
}

void Generation::end() {
  queue_->close();
  if (finished()) return;
  for (const RequestId id : requests_) generator_->cancel(id);
}

std::optional<Happening> Generation::next(std::chrono::milliseconds time) {
  std::optional<Happening> happening = queue_->pop(time);
  if (happening && std::holds_alternative<Completion>(happening->what)) ++completions_;
  return happening;
}

}  // namespace fllm::server
