// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "fundamentallm/chat.h"

namespace fllm::apps {

/// Hears what is wrong: the field, and a message that names it.
using Refuse = std::function<void(const std::string& field, const std::string& message)>;

/// A conversation: [{"role": "user", "content": "Hi"}, …]. Roles are system, developer (the same), user and assistant;
/// contents are strings or lists of text parts. Other keys are passed over where they say nothing (null, an empty list).
[[nodiscard]] std::vector<ChatMessage> read_messages(const nlohmann::json& value, const Refuse& refuse);

/// The same again, for records.
[[nodiscard]] nlohmann::ordered_json messages_json(const std::vector<ChatMessage>& messages);

}  // namespace fllm::apps
