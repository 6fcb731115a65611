// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "apps/server/completion_request.h"
#include "apps/server/field_reader.h"

namespace fllm::server {

/// The field prompt: a string, strings, token ids, or lists of token ids.
[[nodiscard]] std::vector<Prompt> read_prompts(const nlohmann::json& value, FieldReader& fields);

}  // namespace fllm::server
