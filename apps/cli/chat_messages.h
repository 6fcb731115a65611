// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "fundamentallm/chat.h"

namespace fllm::cli {

/// The conversation of an input line: [{"role": "user", "content": "Hi"}, …]. What is wrong goes to violations.
[[nodiscard]] std::vector<ChatMessage> read_messages(const nlohmann::json& value, std::vector<std::string>& violations);

/// The same again, for records.
[[nodiscard]] nlohmann::ordered_json messages_json(const std::vector<ChatMessage>& messages);

}  // namespace fllm::cli
