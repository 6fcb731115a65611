// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/conversation.h"

#include <algorithm>
#include <utility>

#include "apps/cli/signals.h"

namespace fllm::cli {

void Conversation::append(std::string_view text) {
  if (text.empty()) return;
  const Result<std::vector<TokenId>> encoded = generator_.encode(text);
  const std::vector<TokenId>& added = encoded.value();
  ids_.insert(ids_.end(), added.begin(), added.end());
  const auto limit = static_cast<std::size_t>(generator_.info().context_length);
  if (ids_.size() > limit) ids_.erase(ids_.begin(), ids_.end() - static_cast<std::ptrdiff_t>(limit));
  ends_line_ = text.ends_with('\n');
}

Sample Conversation::draw(Request request, const std::function<void(std::string_view)>& sink) {
  const std::int32_t context = generator_.info().context_length;
  const std::int32_t room = std::clamp(request.length.max_tokens, 1, std::max(1, context / 2));
  const auto kept = std::min(ids_.size(), static_cast<std::size_t>(std::max(1, context - room)));
  request.prompt = std::vector<TokenId>(ids_.end() - static_cast<std::ptrdiff_t>(kept), ids_.end());
  request.num_samples = 1;
  Result<Completion> completion = generator_.generate(std::move(request), [&](const StepEvent& event) {
    if (!event.text.empty()) sink(event.text);
    return noted_signal() == 0;
  });
  last_seed_ = completion.value().seed;
  Sample sample = std::move(completion.value().samples.at(0));
  if (sample.error) throw Exception(sample.error->code, sample.error->message);
  return sample;
}

}  // namespace fllm::cli
