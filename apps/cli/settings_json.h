// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "apps/cli/settings.h"

namespace fllm::cli {

/// Sets a field from the value of a key. Types are exact: a number in quotes is a violation. Lists are arrays (one value
/// may stand alone); logit-bias is an object {"ID": X} or an array of "ID=X"; pick-best also takes true and false.
void assign_json(Settings& settings, const Setting& setting, const nlohmann::json& value,
                 std::vector<std::string>& violations);

}  // namespace fllm::cli
