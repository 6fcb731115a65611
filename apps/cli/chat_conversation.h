// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/cli/conversation.h"
#include "fundamentallm/generator.h"

namespace fllm::cli {

/// Messages and answers in the model's own chat template. Where they exceed the model's context, the oldest message and its
/// answer are forgotten, and so on; the system message stays.
class ChatConversation {
 public:
  explicit ChatConversation(Generator& generator) : generator_(generator) {}

  struct Answer {
    Drawn drawn;
    std::int32_t forgotten = 0;  // messages with their answers
  };
  /// Draws the answer to a message, for which the messages so far leave min(max_tokens, half the context); sink gets it as
  /// it comes. A noted signal ends it, with the text it has. Errors: of the template and the request; kContextOverflow where
  /// the message alone is too long. After an error the conversation is as it was.
  Answer answer(const std::string& message, const std::optional<std::string>& system, Request request,
                const std::function<void(std::string_view)>& sink);
  void clear() { messages_.clear(); }

 private:
  Generator& generator_;
  std::vector<ChatMessage> messages_;  // users' and assistant's by turns
};

}  // namespace fllm::cli
