// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/json_schema.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "host/constraint/schema_arguments.h"
#include "host/constraint/schema_keywords.h"

namespace fllm {
namespace {

constexpr std::size_t kCompileSteps = 400;   // what a value costs beside its expressions
constexpr std::int32_t kMaxExpansion = 200;  // schemas within schemas

/// The kinds that all of them allow: those of `type`, of which only those count that keywords of a schema without `type` are for.
unsigned kinds_of_parts(const SchemaParts& parts) {
  unsigned kinds = kAnyJson, meant = 0;
  for (const SchemaPart& part : parts) {
    kinds &= kinds_of_type(*part.schema, part.pointer);
    if (!part.schema->contains("type")) meant |= kinds_of_keywords(*part.schema);
  }
  return (kinds & meant) == 0 ? kinds : kinds & meant;
}

}  // namespace

ExprId JsonSchemaCompiler::compile(SchemaParts parts, const SchemaParts& more) {
  expressions_.budget().take_steps(kCompileSteps);
  if (depth_ >= kMaxExpansion) {
    refuse_schema(more.front().pointer, "nested deeper than " + std::to_string(kMaxExpansion) + " schemas, the limit");
  }
  bool possible = true;
  for (const SchemaPart& part : more) {
    possible = add_parts(parts, part, document_, expressions_.budget()) && possible;
  }
  if (!possible) return expressions_.nothing();
  ++depth_;
  const ExprId result = values(parts);
  --depth_;
  return result;
}

ExprId JsonSchemaCompiler::values(const SchemaParts& parts) {
  for (const SchemaPart& part : parts) {
    if (part.schema->contains("enum") || part.schema->contains("const")) return listed(parts, part);
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].schema->contains("anyOf") && !parts[i].any_of_taken) return branches(parts, i, "anyOf");
    if (parts[i].schema->contains("oneOf") && !parts[i].one_of_taken) return branches(parts, i, "oneOf");
  }
  if (std::none_of(parts.begin(), parts.end(), [](const SchemaPart& part) { return asks_something(*part.schema); })) {
    return text_.value(kAnySchemaDepth);
  }
  const unsigned kinds = kinds_of_parts(parts);
  std::vector<ExprId> ways;
  if ((kinds & kJsonNull) != 0) ways.push_back(text_.literal("null"));
  if ((kinds & kJsonBoolean) != 0) ways.push_back(text_.boolean());
  if ((kinds & kJsonNumber) != 0) ways.push_back(number(parts, (kinds & kJsonFraction) != 0));
  if ((kinds & kJsonString) != 0) ways.push_back(string(parts));
  if ((kinds & kJsonArray) != 0) ways.push_back(array(parts));
  if ((kinds & kJsonObject) != 0) ways.push_back(object(parts));
  return expressions_.alternate(std::move(ways));
}

/// lists: the part whose values are taken, where the others allow them.
ExprId JsonSchemaCompiler::listed(const SchemaParts& parts, const SchemaPart& lists) {
  check_listed(*lists.schema, lists.pointer);
  const bool is_one = lists.schema->contains("const");
  const char* keyword = is_one ? "const" : "enum";
  const SchemaJson& given = lists.schema->at(keyword);
  std::vector<ExprId> ways;
  const auto add = [&](const SchemaJson& item) {
    bool valid = true;
    for (const SchemaPart& part : parts) {
      const char* known = part.schema == lists.schema ? keyword : "";
      valid = values_.is_valid(item, *part.schema, part.pointer, known) && valid;
    }
    if (!valid) return;
    ways.push_back(item.is_string() ? text_.string_of(item.get_ref<const std::string&>()) : text_.literal(item.dump()));
  };
  if (is_one) {
    add(given);
  } else {
    for (const SchemaJson& item : given) add(item);
  }
  return expressions_.alternate(std::move(ways));
}

/// Each branch of a part with all that there is beside it.
ExprId JsonSchemaCompiler::branches(const SchemaParts& parts, std::size_t taken, const char* keyword) {
  const bool excludes = std::string(keyword) == "oneOf";
  const SchemaPart& part = parts[taken];
  const SchemaJson& list = schemas_of(*part.schema, part.pointer, keyword);
  CompileBudget& budget = expressions_.budget();
  std::vector<ExprId> ways;
  for (std::size_t i = 0; i < list.size(); ++i) {
    for (std::size_t j = 0; excludes && j < i; ++j) {
      budget.take_steps(kCompileSteps);
      if (!are_disjoint(document_, list[i], list[j], budget)) {
        refuse_schema(part.pointer, "oneOf: branches " + std::to_string(j) + " and " + std::to_string(i) +
                                        " may hold for the same value: different types, listed values, or a required "
                                        "property with different listed values, are allowed");
      }
    }
    SchemaParts beside = parts;
    for (const SchemaPart& copied : parts) budget.take_steps(4 + copied.pointer.size());
    (excludes ? beside[taken].one_of_taken : beside[taken].any_of_taken) = true;
    const SchemaPointer place = pointer_to(pointer_to(part.pointer, keyword), std::to_string(i));
    ways.push_back(compile(std::move(beside), {{&list[i], place, part.trail}}));
  }
  return expressions_.alternate(std::move(ways));
}

}  // namespace fllm
