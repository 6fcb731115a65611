// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "host/constraint/expression.h"
#include "host/constraint/regex_parser.h"

namespace fllm {

/// The pieces of JSON texts. Next to : and , and inside of brackets stands at most one blank, a space or a newline, so that
/// no output is filled with them; none stands before or after the whole. Numbers have at most 15 digits before and
/// after the point and 2 in the exponent, so that every reader takes them.
class JsonText {
 public:
  static constexpr std::int32_t kMaxDigits = 15;

  explicit JsonText(Expressions& expressions);

  /// A blank, or none.
  [[nodiscard]] ExprId blank() const { return blank_; }
  /// A character with blanks around it, as : and , have.
  [[nodiscard]] ExprId mark(char character);
  [[nodiscard]] ExprId literal(std::string_view text);
  /// A string of so many characters in any spelling.
  [[nodiscard]] ExprId string(std::int32_t least, std::int32_t most);
  /// The same in the shortest spelling.
  [[nodiscard]] ExprId shortest_string(std::int32_t least, std::int32_t most);
  /// A string with this value, in the shortest spelling.
  [[nodiscard]] ExprId string_of(std::string_view value);
  /// A string with a value the expression matches, in the shortest spelling. parse_regex's errors.
  [[nodiscard]] ExprId string_matching(const RegexPattern& pattern);
  /// A string, in the shortest spelling, with a value that is none of these.
  [[nodiscard]] ExprId string_other_than(const std::vector<std::string>& values);
  [[nodiscard]] ExprId number();
  [[nodiscard]] ExprId integer();
  [[nodiscard]] ExprId digits_after_point();
  [[nodiscard]] ExprId boolean();
  /// Any value with arrays and objects in it to this depth; 0: neither.
  [[nodiscard]] ExprId value(std::int32_t depth);
  [[nodiscard]] ExprId array(std::int32_t item_depth);
  [[nodiscard]] ExprId object(std::int32_t value_depth);

  /// One or more parts with commas between them. The part stands in it once, so that lists within lists stay small.
  [[nodiscard]] ExprId list(ExprId part);
  /// Brackets with blanks inside of them.
  [[nodiscard]] ExprId enclosed(char open, ExprId inner, char close);
  [[nodiscard]] Expressions& expressions() { return expressions_; }

 private:
  ExprId other_than(const std::vector<std::u32string>& values, std::size_t depth);

  Expressions& expressions_;
  ExprId blank_;
  std::vector<std::optional<ExprId>> values_;  // by depth
};

/// A character of a JSON string in its shortest spelling.
class JsonCharacterWriter : public CharacterWriter {
 public:
  [[nodiscard]] ExprId write(Expressions& expressions, const CodePointSet& set) const override;
};

}  // namespace fllm
