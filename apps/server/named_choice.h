// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "apps/server/field_reader.h"
#include "fundamentallm/names.h"

namespace fllm::server {

/// The value of this name. Other strings than also, and what is no string, are refused; none for also too.
template <Named Enum>
[[nodiscard]] std::optional<Enum> named_choice(const std::string& field, const nlohmann::json& value,
                                               FieldReader& fields, std::string_view also = {}) {
  const std::string_view name = value.is_string() ? std::string_view(value.get_ref<const std::string&>()) : "";
  const std::optional<Enum> choice = value_named<Enum>(name);
  if (!choice && (name.empty() || name != also)) {
    fields.refuse(field, value, "one of " + all_names<Enum>().append(also.empty() ? "" : ", ").append(also));
  }
  return choice;
}

}  // namespace fllm::server
