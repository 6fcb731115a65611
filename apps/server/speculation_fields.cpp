// SPDX-License-Identifier: Apache-2.0
#include "apps/server/speculation_fields.h"

#include <nlohmann/json.hpp>

#include "apps/server/named_choice.h"

namespace fllm::server {

using Json = nlohmann::json;

void read_rule(const std::string& name, const Json& value, SpeculationFields& said, FieldReader& fields) {
  constexpr const char* kOff = "off";
  said.rule = named_choice<SpeculationRule>(name, value, fields, kOff);
  said.is_off = value == kOff;
}

void read_draft_tokens(const std::string& name, const Json& value, SpeculationFields& said, FieldReader& fields) {
  said.draft_tokens = 0;
  if (value == "auto") return;
  if (value.is_string()) return fields.refuse(name, value, "auto or a whole number");
  fields.read(name, value, said.draft_tokens);
}

void settle_speculation(const SpeculationFields& said, const std::optional<SpeculationOptions>& usual,
                        bool has_draft_model, Request& request) {
  const bool asks =
      said.rule || said.draft_tokens || said.prompt_lookup.value_or(0) != 0 || said.draft_forced.value_or(false);
  if (said.is_off || (!asks && (!usual || request.beam))) return;
  SpeculationOptions& made = request.speculation.emplace(usual.value_or(SpeculationOptions{}));
  const bool forces_nothing = made.draft_forced && !request.control.can_force();
  made.draft_forced = said.draft_forced.value_or(made.draft_forced && !forces_nothing);
  made.rule = said.rule.value_or(made.rule);
  made.draft_tokens = said.draft_tokens.value_or(made.draft_tokens);
  made.prompt_lookup = said.prompt_lookup.value_or(made.prompt_lookup);
  const bool needs_model = made.prompt_lookup == 0 && !made.draft_forced;
  if (!asks && needs_model && (forces_nothing || !has_draft_model)) request.speculation.reset();
}

}  // namespace fllm::server
