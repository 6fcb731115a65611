// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace fllm::apps {

/// A value for a message: short, and valid whatever its bytes.
[[nodiscard]] std::string shown_value(const nlohmann::json& value);

/// "field: value: … is allowed".
[[nodiscard]] std::string not_allowed(std::string_view field, const nlohmann::json& value, std::string_view allowed);

}  // namespace fllm::apps
