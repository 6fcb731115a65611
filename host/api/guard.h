// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <new>
#include <string>
#include <type_traits>

#include "fundamentallm/result.h"

namespace fllm {

/// Runs a function at the edge of the library: whatever it throws becomes an Error.
template <class F>
Result<std::invoke_result_t<F>> guard(F&& function) {
  try {
    return function();
  } catch (const Exception& error) {
    return Error{error.code(), error.what()};
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kOutOfMemory, "out of memory on the host"};
  } catch (const std::exception& error) {
    return Error{ErrorCode::kInternal, std::string("unexpected: ") + error.what()};
  }
}

}  // namespace fllm
