// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "apps/cli/settings.h"

namespace fllm::cli {

/// What was typed.
struct CommandLine {
  CommandBits command = kGenerate;
  std::string command_name;
  std::string model;  // empty: the bundled one
  Settings settings;
  std::vector<std::string> violations;  // reported together with those of the request
  std::vector<std::string> notes;       // on what was typed; said unless quiet
};

/// Reads the command line. An int is the exit code of a run that is over: help or version was printed, or an error that
/// leaves nothing to go on with was reported.
[[nodiscard]] std::variant<CommandLine, int> parse_command_line(int argc, char** argv);

/// Throws UsageError when there are violations.
void check_usage(const CommandLine& line);

}  // namespace fllm::cli
