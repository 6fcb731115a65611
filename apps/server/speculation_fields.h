// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "apps/server/field_reader.h"
#include "fundamentallm/request.h"

namespace fllm::server {

/// What a body says of guessing ahead.
struct SpeculationFields {
  bool is_off = false;
  std::optional<SpeculationRule> rule;
  std::optional<std::int32_t> draft_tokens, prompt_lookup;
  std::optional<bool> draft_forced;
};

/// A rule, or off.
void read_rule(const std::string& name, const nlohmann::json& value, SpeculationFields& said, FieldReader& fields);
void read_draft_tokens(const std::string& name, const nlohmann::json& value, SpeculationFields& said,
                       FieldReader& fields);

/// What the request says goes before what the server does of itself (usual), where that can be of use.
void settle_speculation(const SpeculationFields& said, const std::optional<SpeculationOptions>& usual,
                        bool has_draft_model, Request& request);

}  // namespace fllm::server
