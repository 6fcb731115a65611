// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/constraint/expression.h"
#include "host/constraint/json_text.h"
#include "host/constraint/schema_document.h"
#include "host/constraint/schema_parts.h"
#include "host/constraint/schema_values.h"

namespace fllm {

constexpr std::int32_t kAnyJsonDepth = 5;    // of arrays and objects, where any JSON is asked for
constexpr std::int32_t kAnySchemaDepth = 3;  // the same, where a schema leaves a value open

struct SchemaOptions {
  bool any_order = false;  // of properties; otherwise theirs in the schema
};

/// Texts that a JSON Schema (draft 2020-12, the part docs/constraints.md lists) accepts. Every text of the expression is
/// valid; what the schema leaves open is written one way (property order, spelling of strings, no unnamed properties
/// unless additionalProperties says so). Several schemas for one value ($ref, allOf, anyOf and oneOf beside other keywords) are
/// compiled as one: their properties, items, bounds and listed values are merged, their patterns intersected.
class JsonSchemaCompiler {
 public:
  JsonSchemaCompiler(const SchemaDocument& document, Expressions& expressions, SchemaOptions options)
      : document_(document),
        expressions_(expressions),
        text_(expressions),
        options_(options),
        values_(document, expressions.budget()) {}

  /// Exception(kInvalidArgument) names the keyword that is not supported and its place, or a limit.
  [[nodiscard]] ExprId compile() { return compile({}, {{&document_.root(), "", nullptr}}); }

 private:
  struct Property {
    std::string name;
    ExprId member;  // "name": value
    bool required = false;
  };
  struct ObjectCounts {
    std::int32_t least = 0, most = kUnbounded;
  };
  /// A property that the schemas name, with what its value must be valid by.
  struct NamedProperty {
    std::string name;
    SchemaParts value;
    bool required = false;
  };

  /// The values that are valid by all of them: `parts` as add_parts leaves them, `more` as they are written.
  ExprId compile(SchemaParts parts, const SchemaParts& more);
  ExprId values(const SchemaParts& parts);
  ExprId listed(const SchemaParts& parts, const SchemaPart& lists);
  ExprId branches(const SchemaParts& parts, std::size_t taken, const char* keyword);
  ExprId number(const SchemaParts& parts, bool fractions);
  ExprId string(const SchemaParts& parts);
  ExprId array(const SchemaParts& parts);
  ExprId items(const SchemaParts& parts, std::size_t at);
  ExprId object(const SchemaParts& parts);
  std::vector<NamedProperty> named_properties(const SchemaParts& parts);
  ExprId members_in_order(const std::vector<Property>& properties, ObjectCounts counts, ExprId additional);
  ExprId members_in_any_order(const std::vector<Property>& properties, ObjectCounts counts, ExprId additional);
  ExprId additional_members(std::int32_t written, ObjectCounts counts, ExprId additional);

  const SchemaDocument& document_;
  Expressions& expressions_;
  JsonText text_;
  SchemaOptions options_;
  SchemaValues values_;
  std::int32_t depth_ = 0;
};

}  // namespace fllm
