// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace fllm {

using Json = nlohmann::json;

/// A key or value for a message: quoted, escaped, shortened to limit bytes.
[[nodiscard]] std::string shown(const Json& value, std::size_t limit = 60);

/// Parses with what nlohmann leaves unchecked: a limit of the depth, and no key twice in one object.
/// Exception(kBadFormat) names source.
[[nodiscard]] Json parse_json(std::string_view text, const std::string& source, int max_depth);

}  // namespace fllm
