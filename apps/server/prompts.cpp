// SPDX-License-Identifier: Apache-2.0
#include "apps/server/prompts.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace fllm::server {

namespace {

using Json = nlohmann::json;

constexpr const char* kPromptForms = "a string, a list of strings, a list of token ids, or a list of such lists";

bool are_all(const Json& list, bool (Json::*is)() const noexcept) {
  return std::all_of(list.begin(), list.end(), [is](const Json& item) { return (item.*is)(); });
}

std::vector<TokenId> read_ids(const Json& list, FieldReader& fields) {
  std::vector<TokenId> ids;
  fields.read("prompt", list, ids);
  return ids;
}

std::string read_parts(const std::string& field, const Json& parts, FieldReader& fields) {
  std::string text;
  for (const Json& part : parts) {
    if (!part.is_object() || !part.contains("type") || part["type"] != "text") {
      fields.refuse(field, part.is_object() && part.contains("type") ? part["type"] : part,
                    "a part {\"type\": \"text\", \"text\": …}");
    } else if (!part.contains("text") || part.size() != 2) {
      fields.refuse(field, part, "a part with type and text alone");
    } else {
      std::string piece;
      fields.read(field + ".text", part["text"], piece);
      text += piece;
    }
  }
  return text;
}

ChatMessage read_message(const std::string& field, const Json& value, FieldReader& fields) {
  ChatMessage message;
  if (!value.is_object()) {
    fields.refuse(field, value, "an object with role and content");
    return message;
  }
  std::string role;
  if (!value.contains("role")) {
    fields.refuse(field, field + ".role: it is needed");
  } else {
    fields.read(field + ".role", value["role"], role);
    message.role = role == "user" ? ChatRole::kUser : role == "assistant" ? ChatRole::kAssistant : ChatRole::kSystem;
    if (value["role"].is_string() && role != "user" && role != "assistant" && role != "system" && role != "developer") {
      fields.refuse(field + ".role", value["role"], "system, developer, user or assistant");
    }
  }
  if (!value.contains("content") || !(value["content"].is_string() || value["content"].is_array())) {
    fields.refuse(field + ".content", value.contains("content") ? value["content"] : Json(),
                  "a string or a list of text parts");
  } else if (value["content"].is_array()) {
    message.text = read_parts(field + ".content", value["content"], fields);
  } else {
    fields.read(field + ".content", value["content"], message.text);
  }
  for (const auto& [key, item] : value.items()) {
    const bool is_empty = item.is_null() || (item.is_array() && item.empty());
    if (key == "role" || key == "content" || is_empty) continue;
    std::string refused = field;
    fields.refuse(field, refused.append(".").append(key).append(": not supported"));
  }
  return message;
}

}  // namespace

std::vector<Prompt> read_prompts(const Json& value, FieldReader& fields) {
  std::vector<Prompt> prompts;
  if (value.is_string()) {
    prompts.emplace_back(value.get<std::string>());
  } else if (!value.is_array() || value.empty()) {
    fields.refuse("prompt", value, kPromptForms);
  } else if (are_all(value, &Json::is_string)) {
    for (const Json& text : value) prompts.emplace_back(text.get<std::string>());
  } else if (are_all(value, &Json::is_number)) {
    prompts.emplace_back(read_ids(value, fields));
  } else if (are_all(value, &Json::is_array)) {
    for (const Json& list : value) prompts.emplace_back(read_ids(list, fields));
  } else {
    fields.refuse("prompt", "prompt: a list of unlike things: " + std::string(kPromptForms) + " is allowed");
  }
  return prompts;
}

std::vector<ChatMessage> read_messages(const Json& value, FieldReader& fields) {
  std::vector<ChatMessage> messages;
  if (!value.is_array() || value.empty()) {
    fields.refuse("messages", value, "a list of messages");
    return messages;
  }
  for (std::size_t i = 0; i < value.size(); ++i) {
    std::string field = "messages[";
    field.append(std::to_string(i)).append("]");
    messages.push_back(read_message(field, value[i], fields));
  }
  return messages;
}

}  // namespace fllm::server
