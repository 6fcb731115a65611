// SPDX-License-Identifier: Apache-2.0
#include "apps/server/beam_fields.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "apps/server/named_choice.h"

namespace fllm::server {

using Json = nlohmann::json;

void read_length_norm(const std::string& name, const Json& value, BeamFields& beams, FieldReader& fields) {
  beams.options.length_norm = named_choice<LengthNorm>(name, value, fields);
}

void read_beam_stop(const std::string& name, const Json& value, BeamFields& beams, FieldReader& fields) {
  beams.options.stop = named_choice<BeamStopRule>(name, value, fields);
}

void read_beam_profile(const std::string& name, const Json& value, BeamFields& beams, FieldReader& fields) {
  beams.options.profile = named_choice<BeamProfile>(name, value, fields).value_or(BeamProfile::kNone);
}

void settle_beams(const BeamFields& beams, std::optional<std::int32_t>& best_of, Request& request,
                  FieldReader& fields) {
  if (!beams.use_beam_search.value_or(beams.beam_width.has_value())) {
    if (beams.beam_width) {
      fields.refuse("use_beam_search", "use_beam_search: false: given with beam_width");
    } else if (!beams.part.empty()) {
      fields.refuse(beams.part,
                    beams.part + ": given without beam_width or use_beam_search: it is a part of beam search");
    }
    return;
  }
  BeamOptions beam = beams.options;
  beam.num_return = std::exchange(request.num_samples, 1);
  beam.width = beams.beam_width.value_or(best_of.value_or(beam.num_return));
  if (best_of && *best_of != beam.width) {
    fields.refuse("best_of", "best_of: " + std::to_string(*best_of) + ": must be beam_width, " +
                                 std::to_string(beam.width) + ": it is another name of it");
  }
  best_of.reset();
  request.beam = beam;
}

}  // namespace fllm::server
