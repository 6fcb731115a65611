// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "apps/server/api_error.h"
#include "apps/server/completion_request.h"

// A request's body, as both endpoints read it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using fllm::server::Endpoint;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const Endpoint endpoint : {Endpoint::kCompletions, Endpoint::kChat}) {
    try {
      const auto request = fllm::server::parse_completion(endpoint, body, {100, 256, 1000, 320});
      if (request.sample_count() < 1 || request.sample_count() > 320) __builtin_trap();
    } catch (const fllm::server::ApiError& error) {
      if (error.status() != 400 || error.body().empty()) __builtin_trap();
    }
  }
  return 0;
}
