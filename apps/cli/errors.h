// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "fundamentallm/result.h"

namespace fllm::cli {

// Exit codes. 128 + signal number where a signal ended the run.
inline constexpr int kExitSuccess = 0;
inline constexpr int kExitFailure = 1;  // while running
inline constexpr int kExitUsage = 2;    // what was asked for is wrong

/// The command line breaks its rules; every violation is listed.
class UsageError : public std::runtime_error {
 public:
  explicit UsageError(std::vector<std::string> violations);
  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }

 private:
  std::vector<std::string> violations_;
};

/// Whoever read stdout has gone: the run ends without a word.
class BrokenPipe : public std::runtime_error {
 public:
  BrokenPipe() : std::runtime_error("broken pipe") {}
};

/// Ctrl-C, SIGTERM or SIGHUP while nothing was under way that could be finished.
class Interrupted : public std::runtime_error {
 public:
  Interrupted() : std::runtime_error("interrupted") {}
};

/// kInvalidArgument is a usage error, everything else a failure while running.
[[nodiscard]] int exit_code(ErrorCode code);
/// As it stands in error records: "not_found".
[[nodiscard]] std::string_view error_name(ErrorCode code);

void report_error(std::string_view message);
/// Unless quiet.
void report_note(bool quiet, std::string_view message);

}  // namespace fllm::cli
