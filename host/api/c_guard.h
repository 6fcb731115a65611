// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fundamentallm/c_api.h"
#include "host/api/guard.h"

namespace fllm {

[[nodiscard]] fllm_status status_of(ErrorCode code);
/// Makes an error the last of the calling thread; its status.
fllm_status remember_error(const Error& error) noexcept;
/// The same where memory for the message itself is lacking.
fllm_status remember_exhausted_memory() noexcept;
[[nodiscard]] const char* last_error() noexcept;

/// Runs the body of a C function: guard, with its Error as a status and a remembered message.
template <class F>
fllm_status c_guard(F&& function) noexcept {
  try {
    const Result<bool> result = guard([&] {
      function();
      return true;
    });
    return result ? FLLM_OK : remember_error(result.error());
  } catch (...) {  // guard lets through only what prevents a message
    return remember_exhausted_memory();
  }
}

}  // namespace fllm
