// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/schema_values.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <utility>

#include "host/constraint/expression.h"
#include "host/constraint/regex_parser.h"
#include "host/constraint/schema_arguments.h"
#include "host/constraint/schema_keywords.h"

namespace fllm {
namespace {

constexpr std::size_t kValueSteps = 40;    // of a value and a schema
constexpr std::int32_t kMaxNesting = 200;  // schemas for one value, and for what it holds

/// Every number that a parser of JSON leaves, 64 bits or a double, without rounding.
long double exact(const SchemaJson& number) { return number.get<long double>(); }
static_assert(std::numeric_limits<long double>::digits >= 64);

bool in_counts(std::size_t count, std::optional<std::int32_t> least, std::optional<std::int32_t> most) {
  return (!least || count >= static_cast<std::size_t>(*least)) && (!most || count <= static_cast<std::size_t>(*most));
}

}  // namespace

bool equal_values(const SchemaJson& a, const SchemaJson& b, CompileBudget& budget) {
  budget.take_steps(1 + (a.is_structured() ? a.size() : 0));
  if (a.is_number() && b.is_number()) return exact(a) == exact(b);
  if (a.type() != b.type() || a.size() != b.size()) return false;
  if (a.is_array()) {
    return std::equal(a.begin(), a.end(), b.begin(),
                      [&](const SchemaJson& x, const SchemaJson& y) { return equal_values(x, y, budget); });
  }
  if (!a.is_object()) return a == b;
  for (const auto& [name, value] : a.items()) {
    budget.take_steps(b.size());
    const auto other = b.find(name);
    if (other == b.end() || !equal_values(value, *other, budget)) return false;
  }
  return true;
}

// Every keyword is looked at, whatever the others say, so that what is not supported is never passed by.
bool SchemaValues::is_valid(const SchemaJson& value, const SchemaJson& schema, const SchemaPointer& pointer,
                            std::string_view except) {
  budget_.take_steps(kValueSteps + schema.size());
  if (schema.is_boolean()) return schema.get<bool>();
  if (!schema.is_object()) refuse_schema(pointer, "a schema is an object, true or false");
  if (depth_ >= kMaxNesting) {
    refuse_schema(pointer, "nested deeper than " + std::to_string(kMaxNesting) + " schemas, the limit");
  }
  check_keywords(schema, pointer);
  check_listed(schema, pointer);
  ++depth_;
  bool valid = (kind_of(value) & kinds_of_type(schema, pointer)) != 0;
  valid = is_listed(value, schema, except) && valid;
  valid = passes_schemas(value, schema, pointer) && valid;
  if (value.is_number()) valid = passes_number(value, schema, pointer) && valid;
  if (value.is_string()) valid = passes_string(value.get_ref<const std::string&>(), schema, pointer) && valid;
  if (value.is_array()) valid = passes_array(value, schema, pointer) && valid;
  if (value.is_object()) valid = passes_object(value, schema, pointer) && valid;
  --depth_;
  return valid;
}

bool SchemaValues::is_listed(const SchemaJson& value, const SchemaJson& schema, std::string_view except) {
  const auto constant = schema.find("const"), list = schema.find("enum");
  const auto same = [&](const SchemaJson& item) { return equal_values(item, value, budget_); };
  return (constant == schema.end() || except == "const" || same(*constant)) &&
         (list == schema.end() || except == "enum" || std::any_of(list->begin(), list->end(), same));
}

bool SchemaValues::passes_schemas(const SchemaJson& value, const SchemaJson& schema, const SchemaPointer& pointer) {
  bool valid = true;
  if (schema.contains("$ref")) {
    SchemaPointer target;
    const SchemaJson& referred = document_.resolve(text_of(schema, pointer, "$ref"), pointer, target);
    valid = is_valid(value, referred, target);
  }
  if (schema.contains("allOf")) {
    valid = count_valid(value, schema, pointer, "allOf") == schema.at("allOf").size() && valid;
  }
  if (schema.contains("anyOf")) valid = count_valid(value, schema, pointer, "anyOf") > 0 && valid;
  if (schema.contains("oneOf")) valid = count_valid(value, schema, pointer, "oneOf") == 1 && valid;
  return valid;
}

std::size_t SchemaValues::count_valid(const SchemaJson& value, const SchemaJson& schema, const SchemaPointer& pointer,
                                      const char* keyword) {
  const SchemaJson& list = schemas_of(schema, pointer, keyword);
  std::size_t count = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (is_valid(value, list[i], pointer_to(pointer_to(pointer, keyword), std::to_string(i)))) ++count;
  }
  return count;
}

bool SchemaValues::passes_number(const SchemaJson& value, const SchemaJson& schema, const SchemaPointer& pointer) {
  const auto passes = [&](const char* keyword, const auto& compare) {
    const auto bound = schema.find(keyword);
    if (bound == schema.end()) return true;
    if (!bound->is_number()) refuse_schema(pointer, std::string(keyword) + ": a number is allowed");
    return compare(exact(value), exact(*bound)) ? true : false;
  };
  bool valid = passes("minimum", [](long double x, long double bound) { return x >= bound; });
  valid = passes("maximum", [](long double x, long double bound) { return x <= bound; }) && valid;
  valid = passes("exclusiveMinimum", [](long double x, long double bound) { return x > bound; }) && valid;
  return passes("exclusiveMaximum", [](long double x, long double bound) { return x < bound; }) && valid;
}

bool SchemaValues::passes_string(const std::string& value, const SchemaJson& schema, const SchemaPointer& pointer) {
  budget_.take_steps(value.size());
  const auto characters = static_cast<std::size_t>(
      std::count_if(value.begin(), value.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
  bool valid = in_counts(characters, count_of(schema, "minLength", pointer), count_of(schema, "maxLength", pointer));
  for (const RegexPattern& pattern : patterns_of(schema, pointer)) valid = matches(value, pattern) && valid;
  return valid;
}

bool SchemaValues::matches(const std::string& value, const RegexPattern& pattern) {
  const std::string key = (pattern.anchoring == RegexAnchoring::kWhole ? "w" : "s") + pattern.text;
  auto known = patterns_.find(key);
  if (known == patterns_.end()) {
    Expressions expressions(budget_);
    const ExprId root = parse_regex(pattern, expressions, CharacterWriter());
    known = patterns_.emplace(key, ByteDfa::compile(expressions, root)).first;
  }
  return known->second.matches(value);
}

bool SchemaValues::passes_array(const SchemaJson& value, const SchemaJson& schema, const SchemaPointer& pointer) {
  check_items(schema, pointer);
  bool valid = in_counts(value.size(), count_of(schema, "minItems", pointer), count_of(schema, "maxItems", pointer));
  const auto prefix = schema.find("prefixItems"), items = schema.find("items");
  const std::size_t first = prefix == schema.end() ? 0 : prefix->size();
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (i < first) {
      const SchemaPointer place = pointer_to(pointer_to(pointer, "prefixItems"), std::to_string(i));
      valid = is_valid(value[i], (*prefix)[i], place) && valid;
    } else if (items != schema.end()) {
      valid = is_valid(value[i], *items, pointer_to(pointer, "items")) && valid;
    }
  }
  return valid;
}

bool SchemaValues::passes_object(const SchemaJson& value, const SchemaJson& schema, const SchemaPointer& pointer) {
  check_members(schema, pointer);
  bool valid =
      in_counts(value.size(), count_of(schema, "minProperties", pointer), count_of(schema, "maxProperties", pointer));
  if (const auto required = schema.find("required"); required != schema.end()) {
    budget_.take_steps(required->size() * value.size());
    for (const SchemaJson& name : *required) valid = value.contains(name.get_ref<const std::string&>()) && valid;
  }
  const auto named = schema.find("properties"), other = schema.find("additionalProperties");
  for (const auto& [name, member] : value.items()) {
    budget_.take_steps(named == schema.end() ? 0 : named->size());
    const SchemaJson* found = nullptr;
    if (named != schema.end() && named->contains(name)) found = &named->at(name);
    if (found != nullptr) {
      valid = is_valid(member, *found, pointer_to(pointer_to(pointer, "properties"), name)) && valid;
    } else if (other != schema.end()) {
      valid = is_valid(member, *other, pointer_to(pointer, "additionalProperties")) && valid;
    }
  }
  return valid;
}

}  // namespace fllm
