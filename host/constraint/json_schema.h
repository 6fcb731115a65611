// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "host/constraint/expression.h"
#include "host/constraint/json_text.h"
#include "host/constraint/schema_document.h"
#include "host/constraint/schema_keywords.h"

namespace fllm {

constexpr std::int32_t kAnyJsonDepth = 5;     // of arrays and objects, where any JSON is asked for
constexpr std::int32_t kAnySchemaDepth = 3;   // the same, where a schema leaves a value open
constexpr std::int32_t kSchemaRecursion = 4;  // how often a schema may stand within itself

struct SchemaOptions {
  bool any_order = false;  // of properties; otherwise theirs in the schema
};

/// Texts that a JSON Schema (draft 2020-12, the part docs/constraints.md lists) accepts. Every text of the expression is
/// valid; what the schema leaves open is written one way (property order, spelling of strings, no unnamed properties
/// unless additionalProperties says so).
class JsonSchemaCompiler {
 public:
  JsonSchemaCompiler(const SchemaDocument& document, Expressions& expressions, SchemaOptions options)
      : document_(document), expressions_(expressions), text_(expressions), options_(options), open_{{"", 1}} {}

  /// Exception(kInvalidArgument) names the keyword that is not supported and its place, or a limit.
  [[nodiscard]] ExprId compile() { return compile(document_.root(), "", kAnyJson); }

 private:
  struct Property {
    std::string name;
    ExprId member;  // "name": value
    bool required = false;
  };
  struct ObjectCounts {
    std::int32_t least = 0, most = kUnbounded;
  };

  /// Its values of some kinds.
  ExprId compile(const SchemaJson& schema, const SchemaPointer& pointer, unsigned kinds);
  ExprId compile(const SchemaJson& schema, const SchemaPointer& pointer) { return compile(schema, pointer, kAnyJson); }
  ExprId reference(const SchemaJson& schema, const SchemaPointer& pointer, unsigned kinds);
  ExprId listed(const SchemaJson& schema, const SchemaPointer& pointer, unsigned kinds);
  ExprId branches(const SchemaJson& schema, const SchemaPointer& pointer, unsigned kinds, const char* keyword);
  ExprId number(const SchemaJson& schema, const SchemaPointer& pointer, bool fractions);
  ExprId string(const SchemaJson& schema, const SchemaPointer& pointer);
  ExprId array(const SchemaJson& schema, const SchemaPointer& pointer);
  ExprId object(const SchemaJson& schema, const SchemaPointer& pointer);
  std::vector<Property> properties(const SchemaJson& schema, const SchemaPointer& pointer);
  ExprId members_in_order(const std::vector<Property>& properties, ObjectCounts counts, ExprId additional);
  ExprId members_in_any_order(const std::vector<Property>& properties, ObjectCounts counts, ExprId additional);
  ExprId additional_members(std::int32_t written, ObjectCounts counts, ExprId additional);

  const SchemaDocument& document_;
  Expressions& expressions_;
  JsonText text_;
  SchemaOptions options_;
  std::map<SchemaPointer, std::int32_t> open_;  // references that are being followed
  std::int32_t depth_ = 0;
};

/// The values of a JSON Schema format, as a regular expression; empty for an unknown one.
[[nodiscard]] std::string format_pattern(std::string_view format);

}  // namespace fllm
