// SPDX-License-Identifier: Apache-2.0
#include "host/api/c_guard.h"

#include <string>

namespace fllm {
namespace {

struct LastError {
  std::string text;
  const char* message = "";  // text, or a literal
};
thread_local LastError last;

}  // namespace

fllm_status status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return FLLM_INVALID_ARGUMENT;
    case ErrorCode::kUnsupported:
      return FLLM_UNSUPPORTED;
    case ErrorCode::kOutOfMemory:
      return FLLM_OUT_OF_MEMORY;
    case ErrorCode::kDeviceLost:
      return FLLM_DEVICE_LOST;
    case ErrorCode::kNotFound:
      return FLLM_NOT_FOUND;
    case ErrorCode::kBadFormat:
      return FLLM_BAD_FORMAT;
    case ErrorCode::kContextOverflow:
      return FLLM_CONTEXT_OVERFLOW;
    case ErrorCode::kEmptySupport:
      return FLLM_EMPTY_SUPPORT;
    case ErrorCode::kIo:
      return FLLM_IO;
    case ErrorCode::kCancelled:
    case ErrorCode::kInternal:
      return FLLM_INTERNAL;
  }
  return FLLM_INTERNAL;
}

fllm_status remember_error(const Error& error) noexcept {
  try {
    last.text = error.message;
    last.message = last.text.c_str();
    return status_of(error.code);
  } catch (...) {
    return remember_exhausted_memory();
  }
}

fllm_status remember_exhausted_memory() noexcept {
  last.message = "out of memory on the host";
  return FLLM_OUT_OF_MEMORY;
}

const char* last_error() noexcept { return last.message; }

}  // namespace fllm
