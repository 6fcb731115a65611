// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/schema_keywords.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>

#include "host/constraint/schema_values.h"
#include "host/util/quoted_text.h"

namespace fllm {
namespace {

constexpr unsigned kOfAny = 0;             // a keyword about values of any kind
constexpr unsigned kDescribes = 1u << 30;  // one that asks nothing

struct Keyword {
  std::string_view name;
  unsigned kinds;
};
constexpr std::array kKeywords{
    Keyword{"type", kOfAny},
    Keyword{"enum", kOfAny},
    Keyword{"const", kOfAny},
    Keyword{"anyOf", kOfAny},
    Keyword{"oneOf", kOfAny},
    Keyword{"allOf", kOfAny},
    Keyword{"$ref", kOfAny},
    Keyword{"properties", kJsonObject},
    Keyword{"required", kJsonObject},
    Keyword{"additionalProperties", kJsonObject},
    Keyword{"minProperties", kJsonObject},
    Keyword{"maxProperties", kJsonObject},
    Keyword{"items", kJsonArray},
    Keyword{"prefixItems", kJsonArray},
    Keyword{"minItems", kJsonArray},
    Keyword{"maxItems", kJsonArray},
    Keyword{"uniqueItems", kJsonArray},
    Keyword{"minLength", kJsonString},
    Keyword{"maxLength", kJsonString},
    Keyword{"pattern", kJsonString},
    Keyword{"format", kJsonString},
    Keyword{"minimum", kJsonNumber},
    Keyword{"maximum", kJsonNumber},
    Keyword{"exclusiveMinimum", kJsonNumber},
    Keyword{"exclusiveMaximum", kJsonNumber},
    Keyword{"$defs", kDescribes},
    Keyword{"definitions", kDescribes},
    Keyword{"$schema", kDescribes},
    Keyword{"$comment", kDescribes},
    Keyword{"title", kDescribes},
    Keyword{"description", kDescribes},
    Keyword{"default", kDescribes},
    Keyword{"examples", kDescribes},
    Keyword{"deprecated", kDescribes},
    Keyword{"readOnly", kDescribes},
    Keyword{"writeOnly", kDescribes},
};

const Keyword* find_keyword(std::string_view name) {
  const auto* found =
      std::find_if(kKeywords.begin(), kKeywords.end(), [&](const Keyword& k) { return k.name == name; });
  return found == kKeywords.end() ? nullptr : found;
}

constexpr std::array<std::pair<std::string_view, unsigned>, 7> kTypes{{
    {"null", kJsonNull},
    {"boolean", kJsonBoolean},
    {"integer", kJsonInteger},
    {"number", kJsonNumber},
    {"string", kJsonString},
    {"array", kJsonArray},
    {"object", kJsonObject},
}};

unsigned kind_of_type(const SchemaJson& name, const SchemaPointer& pointer) {
  if (name.is_string()) {
    for (const auto& [type, kind] : kTypes) {
      if (name.get_ref<const std::string&>() == type) return kind;
    }
  }
  refuse_schema(pointer, "type: " + quoted_text(name.is_string() ? name.get<std::string>() : name.dump()) +
                             ": null, boolean, integer, number, string, array, object, or a list of them, is allowed");
}

/// The values a schema lists, or null.
const SchemaJson* listed_values(const SchemaJson& schema) {
  if (const auto found = schema.find("const"); found != schema.end()) return &*found;
  if (const auto found = schema.find("enum"); found != schema.end() && found->is_array()) return &*found;
  return nullptr;
}

/// A list of values, or one that stands for a list of itself.
struct ListedValues {
  explicit ListedValues(const SchemaJson& schema)
      : value(listed_values(schema)), is_list(value != nullptr && !schema.contains("const")) {}
  [[nodiscard]] std::size_t size() const { return is_list ? value->size() : 1; }
  [[nodiscard]] const SchemaJson& at(std::size_t i) const { return is_list ? (*value)[i] : *value; }

  const SchemaJson* value;
  bool is_list;
};

bool have_disjoint_values(const SchemaJson& a, const SchemaJson& b, CompileBudget& budget) {
  if (!a.is_object() || !b.is_object()) return false;
  const ListedValues x(a), y(b);
  if (x.value == nullptr || y.value == nullptr) return false;
  budget.take_steps(x.size() * y.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = 0; j < y.size(); ++j) {
      if (equal_values(x.at(i), y.at(j), budget)) return false;
    }
  }
  return true;
}

bool requires_property(const SchemaJson& schema, const std::string& name) {
  const auto required = schema.find("required");
  return required != schema.end() && required->is_array() &&
         std::find(required->begin(), required->end(), SchemaJson(name)) != required->end();
}

}  // namespace

unsigned kind_of(const SchemaJson& value) {
  if (value.is_null()) return kJsonNull;
  if (value.is_boolean()) return kJsonBoolean;
  if (value.is_number_float()) {
    const auto number = value.get<double>();
    return std::floor(number) == number ? kJsonInteger : kJsonFraction;
  }
  if (value.is_number()) return kJsonInteger;
  if (value.is_string()) return kJsonString;
  return value.is_array() ? kJsonArray : kJsonObject;
}

unsigned kinds_of_type(const SchemaJson& schema, const SchemaPointer& pointer) {
  const auto type = schema.find("type");
  if (type == schema.end()) return kAnyJson;
  if (!type->is_array()) return kind_of_type(*type, pointer);
  unsigned kinds = 0;
  for (const SchemaJson& name : *type) kinds |= kind_of_type(name, pointer);
  return kinds;
}

void check_keywords(const SchemaJson& schema, const SchemaPointer& pointer) {
  for (const auto& [name, value] : schema.items()) {
    const bool is_root_id = pointer.empty() && (name == "$id" || name == "id");
    if (find_keyword(name) == nullptr && !is_root_id) {
      refuse_schema(pointer, "the keyword " + quoted_text(name) + " is not supported");
    }
  }
}

bool asks_something(const SchemaJson& schema) {
  constexpr std::array<std::string_view, 4> kOthers{"$ref", "allOf", "anyOf", "oneOf"};
  for (const auto& [name, value] : schema.items()) {
    const Keyword* keyword = find_keyword(name);
    const bool is_of_others = std::find(kOthers.begin(), kOthers.end(), name) != kOthers.end();
    if (keyword != nullptr && keyword->kinds != kDescribes && !is_of_others) return true;
  }
  return false;
}

unsigned kinds_of_keywords(const SchemaJson& schema) {
  unsigned kinds = 0;
  for (const auto& [name, value] : schema.items()) {
    const Keyword* keyword = find_keyword(name);
    if (keyword != nullptr && keyword->kinds != kDescribes) kinds |= keyword->kinds;
  }
  return kinds;
}

bool are_disjoint(const SchemaDocument& document, const SchemaJson& a, const SchemaJson& b, CompileBudget& budget) {
  const auto followed = [&](const SchemaJson& schema) -> const SchemaJson& {
    SchemaPointer target;
    const auto reference = schema.is_object() ? schema.find("$ref") : schema.end();
    return schema.is_object() && reference != schema.end() && reference->is_string()
               ? document.resolve(reference->get<std::string>(), "", target)
               : schema;
  };
  const SchemaJson& x = followed(a);
  const SchemaJson& y = followed(b);
  if (x == SchemaJson(false) || y == SchemaJson(false)) return true;
  if (!x.is_object() || !y.is_object()) return false;
  if ((kinds_of_type(x, "") & kinds_of_type(y, "")) == 0 || have_disjoint_values(x, y, budget)) return true;
  if (kinds_of_type(x, "") != kJsonObject || kinds_of_type(y, "") != kJsonObject) return false;
  const auto properties = x.find("properties"), others = y.find("properties");
  if (properties == x.end() || others == y.end() || !properties->is_object() || !others->is_object()) return false;
  budget.take_steps(properties->size() * others->size());
  for (const auto& [name, schema] : properties->items()) {
    const auto other = others->find(name);
    if (other != others->end() && requires_property(x, name) && requires_property(y, name) &&
        have_disjoint_values(followed(schema), followed(*other), budget)) {
      return true;
    }
  }
  return false;
}

}  // namespace fllm
