// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "host/constraint/code_points.h"
#include "host/constraint/compile_budget.h"

namespace fllm {

/// Reads a pattern from left to right; what it refuses has its position in the message.
class RegexScanner {
 public:
  /// name: in messages. Exception(kInvalidArgument): not UTF-8.
  RegexScanner(std::string_view pattern, std::string_view name, CompileBudget& budget);

  [[nodiscard]] bool at_end() const { return at_ == pattern_.size(); }
  [[nodiscard]] std::size_t position() const { return at_; }
  [[nodiscard]] bool looks_at(std::string_view text) const { return pattern_.substr(at_).starts_with(text); }
  bool take(std::string_view text);
  /// The next code point. Refuses the end, naming what is missing.
  char32_t take_character(const char* missing);
  /// Digits; at most kMaxRepeats. Refuses where there are none.
  std::int32_t take_count();
  /// The set of what \ stands for, \w and \W with any_case with what their letters fold to. Precondition: the backslash was taken at
  /// `start`.
  CodePointSet take_escape(std::size_t start, bool in_class, bool any_case);
  /// [...] or [^...]. Precondition: the bracket was taken at `start`.
  CodePointSet take_class(std::size_t start, bool any_case);

  /// With what folds to the same, where any_case.
  [[nodiscard]] CodePointSet folded(CodePointSet set, bool any_case) const;

  [[noreturn]] void refuse(std::size_t position, const std::string& what) const;

  static constexpr std::int32_t kMaxRepeats = 100'000;

 private:
  char32_t take_hex(std::size_t start, std::size_t digits);
  CodePointSet take_property(std::size_t start, bool inverted);
  CodePointSet take_class_item(bool& is_single, bool any_case);

  std::string_view pattern_, name_;
  CompileBudget& budget_;
  std::size_t at_ = 0;
};

}  // namespace fllm
