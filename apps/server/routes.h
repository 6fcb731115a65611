// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace fllm::server {

struct Route {
  std::string_view path;    // as metrics name it, too
  std::string_view method;  // GET stands for HEAD as well
  bool is_public = false;   // asks for no key
};

/// By path; null where there is none. /v1/models/NAME has the route of /v1/models/{id}.
[[nodiscard]] const Route* find_route(std::string_view path);

inline constexpr std::string_view kModelsPath = "/v1/models", kModelPath = "/v1/models/{id}";
inline constexpr std::string_view kCompletionsPath = "/v1/completions", kChatPath = "/v1/chat/completions";
inline constexpr std::string_view kHealthPath = "/health", kMetricsPath = "/metrics";

/// Takes as long wherever the two differ first.
[[nodiscard]] bool is_same_secret(std::string_view given, std::string_view secret);

}  // namespace fllm::server
