// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/chat_conversation.h"

#include <utility>

namespace fllm::cli {

namespace {

std::vector<TokenId> prompt_of(const Generator& generator, const std::optional<std::string>& system,
                               const std::vector<ChatMessage>& messages) {
  std::vector<ChatMessage> all;
  if (system) all.push_back({ChatRole::kSystem, *system});
  all.insert(all.end(), messages.begin(), messages.end());
  return generator.encode_chat(all).value();
}

}  // namespace

ChatConversation::Answer ChatConversation::answer(const std::string& message, const std::optional<std::string>& system,
                                                  Request request, const std::function<void(std::string_view)>& sink) {
  Answer answer;
  std::vector<ChatMessage> messages = messages_;
  messages.push_back({ChatRole::kUser, message});
  const auto limit = static_cast<std::size_t>(prompt_limit(generator_, request));
  std::vector<TokenId> ids = prompt_of(generator_, system, messages);
  while (ids.size() > limit && messages.size() > 1) {
    messages.erase(messages.begin(), messages.begin() + 2);
    ++answer.forgotten;
    ids = prompt_of(generator_, system, messages);
  }
  request.prompt = std::move(ids);
  answer.drawn = draw_one(generator_, std::move(request), sink);
  messages.push_back({ChatRole::kAssistant, answer.drawn.sample.text});
  messages_ = std::move(messages);
  return answer;
}

}  // namespace fllm::cli
