// SPDX-License-Identifier: Apache-2.0
#include "apps/json/shown_value.h"

#include <nlohmann/json.hpp>

namespace fllm::apps {

using Json = nlohmann::json;

std::string shown_value(const Json& value) {
  constexpr std::size_t kMaxShown = 60;
  if (value.is_structured()) return value.is_array() ? "an array" : "an object";
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > kMaxShown) text = value.type_name() + std::string(" of ") + std::to_string(text.size()) + " bytes";
  return text;
}

std::string not_allowed(std::string_view field, const Json& value, std::string_view allowed) {
  return std::string(field) + ": " + shown_value(value) + ": " + std::string(allowed) + " is allowed";
}

}  // namespace fllm::apps
