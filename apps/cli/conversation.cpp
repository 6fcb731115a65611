// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/conversation.h"

#include <algorithm>
#include <utility>

#include "apps/cli/signals.h"

namespace fllm::cli {

Drawn draw_one(Generator& generator, Request request, const std::function<void(std::string_view)>& sink) {
  request.num_samples = 1;
  Result<Completion> completion = generator.generate(std::move(request), [&](const StepEvent& event) {
    if (!event.text.empty()) sink(event.text);
    return noted_signal() == 0;
  });
  Drawn drawn{std::move(completion.value().samples.at(0)), completion.value().seed, completion.value().speculation};
  if (drawn.sample.error) throw Exception(drawn.sample.error->code, drawn.sample.error->message);
  return drawn;
}

std::int32_t prompt_limit(const Generator& generator, const Request& request) {
  const std::int32_t context = generator.info().context_length;
  return std::max(1, context - std::clamp(request.length.max_tokens, 1, std::max(1, context / 2)));
}

void Conversation::append(std::string_view text) {
  if (text.empty()) return;
  const Result<std::vector<TokenId>> encoded = generator_.encode(text);
  const std::vector<TokenId>& added = encoded.value();
  ids_.insert(ids_.end(), added.begin(), added.end());
  const auto limit = static_cast<std::size_t>(generator_.info().context_length);
  if (ids_.size() > limit) ids_.erase(ids_.begin(), ids_.end() - static_cast<std::ptrdiff_t>(limit));
  ends_line_ = text.ends_with('\n');
}

Drawn Conversation::draw(Request request, const std::function<void(std::string_view)>& sink) {
  const auto kept = std::min(ids_.size(), static_cast<std::size_t>(prompt_limit(generator_, request)));
  request.prompt = std::vector<TokenId>(ids_.end() - static_cast<std::ptrdiff_t>(kept), ids_.end());
  return draw_one(generator_, std::move(request), sink);
}

}  // namespace fllm::cli
