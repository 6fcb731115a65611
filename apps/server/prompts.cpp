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

}  // namespace fllm::server
