// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/chat_messages.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "apps/cli/text.h"

namespace fllm::cli {

namespace {

using Json = nlohmann::json;

constexpr std::array<std::pair<ChatRole, std::string_view>, 3> kRoles{
    {{ChatRole::kSystem, "system"}, {ChatRole::kUser, "user"}, {ChatRole::kAssistant, "assistant"}}};

ChatMessage read_message(const Json& value, const std::string& label, std::vector<std::string>& violations) {
  ChatMessage message;
  const auto refuse = [&](const std::string& what) { violations.push_back(label + what); };
  if (!value.is_object()) {
    refuse(std::string(": ") + value.type_name() + R"(: an object {"role": …, "content": …} is allowed)");
    return message;
  }
  for (const auto& [key, unused] : value.items()) {
    if (key != "role" && key != "content")
      refuse(": " + in_quotes(key) + ": unknown key: role and content are allowed");
  }
  const Json role = value.value("role", Json()), content = value.value("content", Json());
  const auto* known = std::find_if(kRoles.begin(), kRoles.end(), [&](const auto& r) { return role == r.second; });
  if (known != kRoles.end()) {
    message.role = known->first;
  } else {
    const std::string shown = role.is_string() ? in_quotes(role.get<std::string>()) : std::string(role.type_name());
    refuse(".role: " + shown + ": system, user or assistant is allowed");
  }
  if (content.is_string()) {
    message.text = content.get<std::string>();
  } else {
    refuse(std::string(".content: ") + content.type_name() + ": a string is allowed");
  }
  return message;
}

}  // namespace

std::vector<ChatMessage> read_messages(const Json& value, std::vector<std::string>& violations) {
  std::vector<ChatMessage> messages;
  if (!value.is_array() || value.empty()) {
    violations.push_back(std::string("messages: ") + (value.is_array() ? "empty" : value.type_name()) +
                         R"(: an array of objects {"role": …, "content": …} is allowed)");
    return messages;
  }
  for (std::size_t i = 0; i < value.size(); ++i) {
    messages.push_back(read_message(value[i], "messages[" + std::to_string(i) + "]", violations));
  }
  return messages;
}

nlohmann::ordered_json messages_json(const std::vector<ChatMessage>& messages) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const ChatMessage& message : messages) {
    const auto* role =
        std::find_if(kRoles.begin(), kRoles.end(), [&](const auto& r) { return r.first == message.role; });
    json.push_back({{"role", std::string(role->second)}, {"content", message.text}});
  }
  return json;
}

}  // namespace fllm::cli
