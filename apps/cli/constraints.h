// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apps/cli/settings.h"
#include "fundamentallm/options.h"

namespace fllm::cli {

/// What --choices, --regex, --json-schema, --json or --grammar asks for; none without them.
[[nodiscard]] ConstraintSource constraint_of(const Settings& settings);

/// Where several of them are given, or what belongs to one without it. label_flags: with the dashes of flags.
void check_constraint(const Settings& settings, bool label_flags, std::vector<std::string>& violations);

/// Puts the text of the file that json_schema names into json_schema_text. Errors: kNotFound, kIo.
void read_schema(Settings& settings);

/// Whether a key of an input line is one of them, so that it replaces all that the command line said.
[[nodiscard]] bool is_constraint(std::string_view key);
void clear_constraint(Settings& settings);
/// Whether the generator makes an automaton of what such a key says.
[[nodiscard]] bool becomes_automaton(std::string_view key);

}  // namespace fllm::cli
