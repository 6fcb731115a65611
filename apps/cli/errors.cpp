// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/errors.h"

#include <cstdio>

#include "apps/cli/text.h"

namespace fllm::cli {

UsageError::UsageError(std::vector<std::string> violations)
    : std::runtime_error(joined(violations, "; ")), violations_(std::move(violations)) {}

int exit_code(ErrorCode code) { return code == ErrorCode::kInvalidArgument ? kExitUsage : kExitFailure; }

std::string_view error_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kBadFormat:
      return "bad_format";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kContextOverflow:
      return "context_overflow";
    case ErrorCode::kEmptySupport:
      return "empty_support";
    case ErrorCode::kOutOfMemory:
      return "out_of_memory";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kDeviceLost:
      return "device_lost";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

void report_error(std::string_view message) {
  std::fprintf(stderr, "fundamentallm: error: %s\n", printable(message).c_str());
}

void report_note(bool quiet, std::string_view message) {
  if (!quiet) std::fprintf(stderr, "fundamentallm: %s\n", printable(message).c_str());
}

}  // namespace fllm::cli
