// SPDX-License-Identifier: Apache-2.0
#include "apps/server/routes.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace fllm::server {

namespace {

constexpr std::array kRoutes{Route{kCompletionsPath, "POST"}, Route{kChatPath, "POST"},
                             Route{kModelsPath, "GET"},       Route{kModelPath, "GET"},
                             Route{kHealthPath, "GET", true}, Route{kMetricsPath, "GET"}};

}  // namespace

const Route* find_route(std::string_view path) {
  constexpr std::string_view kPrefix = "/v1/models/";
  if (path.size() > kPrefix.size() && path.starts_with(kPrefix)) path = kModelPath;
  const auto* found =
      std::find_if(kRoutes.begin(), kRoutes.end(), [&](const Route& route) { return route.path == path; });
  return found == kRoutes.end() ? nullptr : found;
}

bool is_same_secret(std::string_view given, std::string_view secret) {
  unsigned difference = given.size() == secret.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size() && !secret.empty(); ++i) {
    const auto wanted = static_cast<unsigned char>(secret[i % secret.size()]);
    difference |= static_cast<unsigned>(static_cast<unsigned char>(given[i]) ^ wanted);
  }
  return difference == 0;
}

}  // namespace fllm::server
