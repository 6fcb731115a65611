// SPDX-License-Identifier: Apache-2.0
#include "apps/json/chat_messages.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "apps/json/shown_value.h"

namespace fllm::apps {

namespace {

using Json = nlohmann::json;

// The first name of a role is the one it is written with.
constexpr std::array<std::pair<ChatRole, std::string_view>, 4> kRoles{{{ChatRole::kSystem, "system"},
                                                                       {ChatRole::kUser, "user"},
                                                                       {ChatRole::kAssistant, "assistant"},
                                                                       {ChatRole::kSystem, "developer"}}};

void refuse_value(const Refuse& refuse, const std::string& field, const Json& value, std::string_view allowed) {
  refuse(field, not_allowed(field, value, allowed));
}

std::string read_parts(const std::string& field, const Json& parts, const Refuse& refuse) {
  std::string text;
  for (const Json& part : parts) {
    if (!part.is_object() || !part.contains("type") || part["type"] != "text") {
      refuse_value(refuse, field, part.is_object() && part.contains("type") ? part["type"] : part,
                   "a part {\"type\": \"text\", \"text\": …}");
    } else if (!part.contains("text") || part.size() != 2) {
      refuse_value(refuse, field, part, "a part with type and text alone");
    } else if (!part["text"].is_string()) {
      refuse_value(refuse, field + ".text", part["text"], "a string");
    } else {
      text += part["text"].get_ref<const std::string&>();
    }
  }
  return text;
}

ChatRole read_role(const std::string& field, const Json& message, const Refuse& refuse) {
  const auto role = message.find("role");
  if (role == message.end()) {
    refuse(field, field + ": it is needed");
    return ChatRole::kUser;
  }
  const auto* known = std::find_if(kRoles.begin(), kRoles.end(), [&](const auto& r) { return *role == r.second; });
  if (known != kRoles.end()) return known->first;
  refuse_value(refuse, field, *role, "system, developer, user or assistant");
  return ChatRole::kUser;
}

ChatMessage read_message(const std::string& field, const Json& value, const Refuse& refuse) {
  ChatMessage message;
  if (!value.is_object()) {
    refuse_value(refuse, field, value, "an object {\"role\": …, \"content\": …}");
    return message;
  }
  message.role = read_role(field + ".role", value, refuse);
  const Json content = value.value("content", Json());
  if (content.is_string()) {
    message.text = content.get<std::string>();
  } else if (content.is_array()) {
    message.text = read_parts(field + ".content", content, refuse);
  } else {
    refuse_value(refuse, field + ".content", content, "a string or a list of text parts");
  }
  for (const auto& [key, item] : value.items()) {
    const bool is_empty = item.is_null() || (item.is_array() && item.empty());
    if (key == "role" || key == "content" || is_empty) continue;
    std::string refused = field;
    refuse(field, refused.append(".").append(key).append(": not supported"));
  }
  return message;
}

}  // namespace

std::vector<ChatMessage> read_messages(const Json& value, const Refuse& refuse) {
  std::vector<ChatMessage> messages;
  if (!value.is_array()) {
    refuse_value(refuse, "messages", value, "a list of messages");
    return messages;
  }
  if (value.empty()) refuse("messages", "messages: []: at least one message is needed");
  messages.reserve(value.size());
  for (std::size_t i = 0; i < value.size(); ++i) {
    std::string field = "messages[";
    field.append(std::to_string(i)).append("]");
    messages.push_back(read_message(field, value[i], refuse));
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

}  // namespace fllm::apps
