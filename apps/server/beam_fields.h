// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "apps/server/field_reader.h"
#include "fundamentallm/request.h"

namespace fllm::server {

/// What a body says of beam search. vLLM's names where it has them: use_beam_search, length_penalty, and n or best_of as the
/// width; the others are those of the command line. beam_width alone asks for a search too.
struct BeamFields {
  std::optional<bool> use_beam_search;
  std::optional<std::int32_t> beam_width;
  BeamOptions options;  // but for the numbers of beams and hypotheses
  std::string part;     // a field that makes sense with a search alone; empty: none was given
};

void read_length_norm(const std::string& name, const nlohmann::json& value, BeamFields& beams, FieldReader& fields);
void read_beam_stop(const std::string& name, const nlohmann::json& value, BeamFields& beams, FieldReader& fields);
void read_beam_profile(const std::string& name, const nlohmann::json& value, BeamFields& beams, FieldReader& fields);

/// Makes a request a search where the fields ask for one: n hypotheses of it are returned. best_of: the width where there is no
/// beam_width; taken where it was. Refuses fields that ask for a search and for none.
void settle_beams(const BeamFields& beams, std::optional<std::int32_t>& best_of, Request& request, FieldReader& fields);

}  // namespace fllm::server
