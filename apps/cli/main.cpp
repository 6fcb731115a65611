// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <variant>

#include "apps/cli/commands.h"
#include "apps/cli/errors.h"
#include "apps/cli/requests.h"
#include "apps/cli/signals.h"

namespace fllm::cli {

namespace {

int run(CommandLine& line) {
  switch (line.command) {
    case kGenerate:
      return run_generate(line);
    case kDialogue:
      return run_dialogue(line);
    case kInteractive:
      return run_interactive(line);
    case kGuide:
      return run_guide(line);
    case kInfo:
      return run_info(line);
    case kServe:
      return run_serve(line);
  }
  return kExitUsage;
}

void report_usage(const CommandLine& line, const UsageError& error) {
  for (const std::string& violation : error.violations()) report_error(violation);
  std::fprintf(stderr, "Try 'fundamentallm %s --help'.\n", line.command_name.c_str());
}

int run_reporting_errors(CommandLine& line) {
  constexpr int kSignalBase = 128;
  try {
    return run(line);
  } catch (const UsageError& error) {
    report_usage(line, error);
    return kExitUsage;
  } catch (const BrokenPipe&) {
    return kExitFailure;
  } catch (const Interrupted&) {
    return kSignalBase + noted_signal();
  } catch (const Exception& error) {
    for (const std::string& violation : with_flag_names(error.what(), true)) report_error(violation);
    return exit_code(error.code());
  } catch (const std::bad_alloc&) {
    report_error("out of memory");
    return kExitFailure;
  } catch (const std::exception& error) {
    report_error(error.what());
    return kExitFailure;
  }
}

}  // namespace

}  // namespace fllm::cli

int main(int argc, char** argv) {
  fllm::cli::install_signal_handlers();
  std::variant<fllm::cli::CommandLine, int> parsed = fllm::cli::parse_command_line(argc, argv);
  if (const int* code = std::get_if<int>(&parsed)) return *code;
  return fllm::cli::run_reporting_errors(std::get<fllm::cli::CommandLine>(parsed));
}
