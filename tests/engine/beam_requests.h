// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "tests/engine/engine_runner.h"

namespace fllm::test {

inline Request search_for(const std::string& prompt, std::int32_t width, std::int32_t max_tokens) {
  Request request = request_for(prompt, max_tokens);
  request.beam = BeamOptions{.width = width, .num_return = width};
  return request;
}

}  // namespace fllm::test
