// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace fllm {

enum class ChatRole : std::uint8_t { kSystem, kUser, kAssistant };

/// One message of a conversation.
struct ChatMessage {
  ChatRole role = ChatRole::kUser;
  std::string text;  ///< UTF-8
};

}  // namespace fllm
