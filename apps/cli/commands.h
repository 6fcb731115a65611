// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/cli/options.h"

namespace fllm::cli {

// One function per command, each in its own file. They return the exit code and throw UsageError, Exception,
// BrokenPipe or Interrupted; main reports those.
int run_generate(CommandLine& line);
int run_dialogue(CommandLine& line);
int run_interactive(CommandLine& line);
int run_guide(CommandLine& line);
int run_info(CommandLine& line);
int run_serve(CommandLine& line);

}  // namespace fllm::cli
