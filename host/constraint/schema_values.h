// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "host/constraint/byte_dfa.h"
#include "host/constraint/compile_budget.h"
#include "host/constraint/regex_parser.h"
#include "host/constraint/schema_document.h"

namespace fllm {

/// As JSON Schema has it: numbers by value (1 and 1.0), objects in any order.
[[nodiscard]] bool equal_values(const SchemaJson& a, const SchemaJson& b, CompileBudget& budget);

/// Whether values that a schema lists are valid by it: all that the keywords say, without the narrower rules of what is written.
/// A string has a format where it is one of those that are written for it.
class SchemaValues {
 public:
  SchemaValues(const SchemaDocument& document, CompileBudget& budget) : document_(document), budget_(budget) {}

  /// Without what one keyword says, where `except` is given. Exception(kInvalidArgument): a keyword that is not supported, or a limit.
  [[nodiscard]] bool is_valid(const SchemaJson& value, const SchemaJson& schema, const SchemaPointer& pointer,
                              std::string_view except = {});

 private:
  bool is_listed(const SchemaJson& value, const SchemaJson& schema, std::string_view except);
  bool passes_schemas(const SchemaJson& value, const SchemaJson& schema, const SchemaPointer& pointer);
  /// How many of the schemas of a keyword it is valid by.
  std::size_t count_valid(const SchemaJson& value, const SchemaJson& schema, const SchemaPointer& pointer,
                          const char* keyword);
  bool passes_number(const SchemaJson& value, const SchemaJson& schema, const SchemaPointer& pointer);
  bool passes_string(const std::string& value, const SchemaJson& schema, const SchemaPointer& pointer);
  bool passes_array(const SchemaJson& value, const SchemaJson& schema, const SchemaPointer& pointer);
  bool passes_object(const SchemaJson& value, const SchemaJson& schema, const SchemaPointer& pointer);
  bool matches(const std::string& value, const RegexPattern& pattern);

  const SchemaDocument& document_;
  CompileBudget& budget_;
  std::map<std::string, ByteDfa> patterns_;
  std::int32_t depth_ = 0;
};

}  // namespace fllm
