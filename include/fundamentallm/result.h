// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

#include "fundamentallm/export.h"

namespace fllm {

/// What went wrong, coarsely; the message says the rest.
enum class ErrorCode {
  kInvalidArgument,  ///< a value outside its stated range; the message lists every violation
  kNotFound,         ///< a file that is not there
  kBadFormat,        ///< a file that breaks its format, or is cut short
  kUnsupported,      ///< a valid input this build cannot run
  kContextOverflow,  ///< a prompt longer than the model's context
  kEmptySupport,     ///< every token of a step is forbidden
  kOutOfMemory,      ///< the message names the bytes needed and free
  kIo,               ///< reading or writing failed
  kCancelled,        ///< stopped by the caller
  kDeviceLost,       ///< a device fault; every later call says so too
  kInternal,         ///< a defect of this library
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
};

/// The exception used inside the library; it never crosses the public functions that return Result.
class FLLM_API Exception : public std::runtime_error {
 public:
  Exception(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

/// A value or an Error: the part of std::expected this library needs, for compilers without <expected>.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// The value; throws Exception with the error when there is none.
  T& value() & { return check(), std::get<0>(state_); }
  const T& value() const& { return check(), std::get<0>(state_); }
  /// By value, so that `for (x : call().value())` does not read a Result that is gone.
  T value() && { return check(), std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  /// Precondition: !has_value().
  [[nodiscard]] const Error& error() const { return std::get<1>(state_); }

 private:
  void check() const {
    if (!has_value()) throw Exception(error().code, error().message);
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)
  [[nodiscard]] bool has_value() const noexcept { return !error_; }
  explicit operator bool() const noexcept { return has_value(); }
  void value() const {
    if (error_) throw Exception(error_->code, error_->message);
  }
  [[nodiscard]] const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

}  // namespace fllm
