// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "apps/cli/settings.h"
#include "fundamentallm/generator.h"

namespace fllm::cli {

/// As records have it.
[[nodiscard]] nlohmann::ordered_json speculation_json(const SpeculationStats& stats);
/// With --verbose: what came of guessing ahead in the whole run, where anything was to be guessed.
void report_speculation(const Settings& settings, const Generator& generator);

}  // namespace fllm::cli
