// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apps/cli/settings.h"

namespace fllm::cli {

/// What /set was given, as in "temperature=0.5", "stop-tokens=. ! ?", "prefix=\"\\n\"": a text may be a JSON string, a
/// list words, JSON strings or a JSON array, and nothing goes back to the default. Returns what is wrong; the settings
/// are whole only where nothing is.
[[nodiscard]] std::vector<std::string> set_typed(Settings& settings, std::string_view argument);

/// The values the next prompt will use, one a line, in the order of --help.
[[nodiscard]] std::string shown_settings(const Settings& settings);

}  // namespace fllm::cli
