// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace fllm::server {

constexpr int kMaxJsonDepth = 16;
constexpr std::size_t kMaxJsonValues = 1'000'000;

/// A request's body: an object in which no key stands twice, within these limits. ApiError 400 for anything else.
[[nodiscard]] nlohmann::json parse_body(std::string_view text);

}  // namespace fllm::server
