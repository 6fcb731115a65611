// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "cuda/portable/row_view.h"
#include "fundamentallm/result.h"

namespace fllm {

/// Checks of a launch's arguments; each throws Exception(kInvalidArgument) naming the operation, the field and its value.
class ParamsCheck {
 public:
  explicit ParamsCheck(const char* operation) : operation_(operation) {}

  void at_least(const char* name, std::int64_t value, std::int64_t least) const { at_least(name, "", value, least); }
  void at_most(const char* name, std::int64_t value, std::int64_t most) const {
    if (value > most)
      fail(std::string(name) + " is " + std::to_string(value) + "; allowed: <= " + std::to_string(most));
  }
  void multiple(const char* name, std::int64_t value, std::int64_t of) const {
    if (value % of != 0)
      fail(std::string(name) + " is " + std::to_string(value) + "; allowed: multiples of " + std::to_string(of));
  }
  void equal(const char* name, std::int64_t value, const char* other_name, std::int64_t other) const {
    equal(name, other_name, "", value, other);
  }
  /// A view with memory behind it when it has rows, its rows apart.
  template <class T>
  void rows(const char* name, const RowView<T>& view) const {
    at_least(name, " rows", view.rows, 0);
    at_least(name, " columns", view.cols, 1);
    given(name, view.data != nullptr, view.rows);
    if (view.rows > 1) at_least(name, " stride", view.stride, view.cols);
  }
  template <class T, class U>
  void same_size(const char* name, const RowView<T>& view, const char* other_name, const RowView<U>& other) const {
    rows(other_name, other);
    equal(name, other_name, " rows", view.rows, other.rows);
    equal(name, other_name, " columns", view.cols, other.cols);
  }
  /// Needed unless there is nothing to do.
  void given(const char* name, bool present, std::int32_t count) const {
    if (!present && count > 0) fail(std::string(name) + " missing (null)");
  }

 private:
  void at_least(const char* name, const char* part, std::int64_t value, std::int64_t least) const {
    if (value < least) {
      fail(std::string(name) + part + " is " + std::to_string(value) + "; allowed: >= " + std::to_string(least));
    }
  }
  void equal(const char* name, const char* other_name, const char* part, std::int64_t value, std::int64_t other) const {
    if (value != other) {
      fail(std::string(name) + part + " is " + std::to_string(value) + ", but " + other_name + part + " is " +
           std::to_string(other));
    }
  }
  [[noreturn]] void fail(const std::string& text) const {
    throw Exception(ErrorCode::kInvalidArgument, std::string(operation_) + ": " + text);
  }
  const char* operation_;
};

}  // namespace fllm
