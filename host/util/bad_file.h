// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "fundamentallm/result.h"

namespace fllm {

/// Refuses a file for what it holds: Exception(kBadFormat), "source: what".
[[noreturn]] inline void bad_file(const std::string& source, const std::string& what) {
  throw Exception(ErrorCode::kBadFormat, source + ": " + what);
}

}  // namespace fllm
