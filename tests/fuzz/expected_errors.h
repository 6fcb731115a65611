// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <string_view>

#include "fundamentallm/result.h"

namespace fllm::fuzz {

/// Runs a reader on hostile input: a typed error with a message is a right answer, anything else that is thrown escapes
/// and stops the fuzzer.
template <class Reader>
void expect_typed_errors(const Reader& reader) {
  try {
    reader();
  } catch (const Exception& error) {
    if (std::string_view(error.what()).empty() || error.code() == ErrorCode::kInternal) std::abort();
  }
}

}  // namespace fllm::fuzz
