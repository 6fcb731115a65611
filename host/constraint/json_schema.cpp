// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/json_schema.h"

#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "host/constraint/decimal_ranges.h"
#include "host/constraint/intersect.h"
#include "host/util/quoted_text.h"

namespace fllm {
namespace {

constexpr std::size_t kSchemaSteps = 400;    // what a schema costs beside its expressions
constexpr std::int32_t kMaxExpansion = 200;  // schemas within schemas, references followed
constexpr std::int64_t kMaxInteger = 999'999'999'999'999;

struct Bound {
  double value = 0;
  bool excluded = false;
};

/// The tighter of `keyword` and its exclusive form; sign -1 for upper bounds.
std::optional<Bound> bound_of(const SchemaJson& schema, const SchemaPointer& pointer, const char* keyword,
                              const char* exclusive, double sign) {
  std::optional<Bound> bound;
  for (const char* name : {keyword, exclusive}) {
    const auto found = schema.find(name);
    if (found == schema.end()) continue;
    const double value = found->is_number() ? found->get<double>() : static_cast<double>(kMaxInteger) * 2;
    if (std::abs(value) > static_cast<double>(kMaxInteger)) {
      refuse_schema(pointer, std::string(name) + ": a number of at most 15 digits is allowed");
    }
    const bool excluded = name == exclusive;
    if (!bound || value * sign > bound->value * sign || (value == bound->value && excluded)) bound = {value, excluded};
  }
  return bound;
}

const std::string& text_of(const SchemaJson& schema, const SchemaPointer& pointer, const char* keyword) {
  const SchemaJson& value = schema.at(keyword);
  if (!value.is_string()) refuse_schema(pointer, std::string(keyword) + ": a string is allowed");
  return value.get_ref<const std::string&>();
}

}  // namespace

ExprId JsonSchemaCompiler::compile(const SchemaJson& schema, const SchemaPointer& pointer, unsigned kinds) {
  expressions_.budget().take_steps(kSchemaSteps);
  if (schema.is_boolean()) {
    if (!schema.get<bool>()) return expressions_.nothing();
    return kinds == kAnyJson ? text_.value(kAnySchemaDepth) : compile(SchemaJson::object(), pointer, kinds);
  }
  if (!schema.is_object()) refuse_schema(pointer, "a schema is an object, true or false");
  if (depth_ >= kMaxExpansion) {
    refuse_schema(pointer, "nested deeper than " + std::to_string(kMaxExpansion) + " schemas, the limit");
  }
  kinds = kinds_of_keywords(schema, pointer, kinds);
  ++depth_;
  std::vector<ExprId> ways;
  if (schema.contains("$ref")) {
    ways.push_back(reference(schema, pointer, kinds));
  } else if (schema.contains("enum") || schema.contains("const")) {
    ways.push_back(listed(schema, pointer, kinds));
  } else if (schema.contains("anyOf")) {
    ways.push_back(branches(schema, pointer, kinds, "anyOf"));
  } else if (schema.contains("oneOf")) {
    ways.push_back(branches(schema, pointer, kinds, "oneOf"));
  } else if (schema.contains("allOf")) {
    ways.push_back(branches(schema, pointer, kinds, "allOf"));
  } else {
    if ((kinds & kJsonNull) != 0) ways.push_back(text_.literal("null"));
    if ((kinds & kJsonBoolean) != 0) ways.push_back(text_.boolean());
    if ((kinds & kJsonNumber) != 0) ways.push_back(number(schema, pointer, (kinds & kJsonFraction) != 0));
    if ((kinds & kJsonString) != 0) ways.push_back(string(schema, pointer));
    if ((kinds & kJsonArray) != 0) ways.push_back(array(schema, pointer));
    if ((kinds & kJsonObject) != 0) ways.push_back(object(schema, pointer));
  }
  --depth_;
  return expressions_.alternate(std::move(ways));
}

ExprId JsonSchemaCompiler::reference(const SchemaJson& schema, const SchemaPointer& pointer, unsigned kinds) {
  refuse_beside(schema, pointer, "$ref");
  const SchemaJson& name = schema.at("$ref");
  if (!name.is_string()) refuse_schema(pointer, "$ref: a string is allowed");
  SchemaPointer target;
  const SchemaJson& referred = document_.resolve(name.get<std::string>(), pointer, target);
  if (open_[target] > kSchemaRecursion) return expressions_.nothing();
  ++open_[target];
  const ExprId result = compile(referred, target, kinds);
  --open_[target];
  return result;
}

ExprId JsonSchemaCompiler::listed(const SchemaJson& schema, const SchemaPointer& pointer, unsigned kinds) {
  const char* keyword = schema.contains("enum") ? "enum" : "const";
  refuse_beside(schema, pointer, keyword);
  const SchemaJson& value = schema.at(keyword);
  const bool lists = schema.contains("enum");
  if (lists && !value.is_array()) refuse_schema(pointer, "enum: an array is allowed");
  std::vector<ExprId> ways;
  const auto add = [&](const SchemaJson& item) {
    if ((kind_of(item) & kinds) == 0) return;
    ways.push_back(item.is_string() ? text_.string_of(item.get_ref<const std::string&>()) : text_.literal(item.dump()));
  };
  if (lists) {
    for (const SchemaJson& item : value) add(item);
  } else {
    add(value);
  }
  return expressions_.alternate(std::move(ways));
}

ExprId JsonSchemaCompiler::branches(const SchemaJson& schema, const SchemaPointer& pointer, unsigned kinds,
                                    const char* keyword) {
  refuse_beside(schema, pointer, keyword);
  const SchemaJson& list = schema.at(keyword);
  const std::string name(keyword);
  if (!list.is_array() || list.empty()) refuse_schema(pointer, name + ": an array of schemas is allowed");
  if (name == "allOf" && list.size() != 1) refuse_schema(pointer, "allOf of more than one schema is not supported");
  std::vector<ExprId> ways;
  for (std::size_t i = 0; i < list.size(); ++i) {
    expressions_.budget().take_steps(kSchemaSteps * (name == "oneOf" ? i : 0));
    for (std::size_t j = 0; name == "oneOf" && j < i; ++j) {
      if (!are_disjoint(document_, list[i], list[j], expressions_.budget())) {
        refuse_schema(pointer, "oneOf: branches " + std::to_string(j) + " and " + std::to_string(i) +
                                   " may hold for the same value: different types, listed values, or a required "
                                   "property with different listed values, are allowed");
      }
    }
    ways.push_back(compile(list[i], pointer_to(pointer_to(pointer, keyword), std::to_string(i)), kinds));
  }
  return expressions_.alternate(std::move(ways));
}

ExprId JsonSchemaCompiler::number(const SchemaJson& schema, const SchemaPointer& pointer, bool fractions) {
  const std::optional<Bound> low = bound_of(schema, pointer, "minimum", "exclusiveMinimum", 1);
  const std::optional<Bound> high = bound_of(schema, pointer, "maximum", "exclusiveMaximum", -1);
  if (!low && !high) return fractions ? text_.number() : text_.integer();
  FractionBounds bounds{-kMaxInteger, kMaxInteger, false, false};
  std::int64_t least = -kMaxInteger, most = kMaxInteger;  // of the integers
  const auto integral = [&](const Bound& bound) {
    const double value = std::floor(bound.value);
    if (fractions && value != bound.value) {
      refuse_schema(pointer, "bounds of numbers that may have fractions: integers are allowed");
    }
    return static_cast<std::int64_t>(value);
  };
  if (low) {
    const std::int64_t floor = integral(*low);
    least = floor + (static_cast<double>(floor) < low->value || low->excluded ? 1 : 0);
    bounds.least = floor;
    bounds.without_least = low->excluded;
  }
  if (high) {
    const std::int64_t floor = integral(*high);
    most = floor - (static_cast<double>(floor) == high->value && high->excluded ? 1 : 0);
    bounds.most = floor;
    bounds.without_most = high->excluded;
  }
  const ExprId integers = integers_between(expressions_, least, most);
  if (!fractions) return integers;
  return expressions_.alternate({integers, fractions_between(expressions_, bounds, JsonText::kMaxDigits)});
}

ExprId JsonSchemaCompiler::string(const SchemaJson& schema, const SchemaPointer& pointer) {
  const std::optional<std::int32_t> least = count_of(schema, "minLength", pointer);
  const std::optional<std::int32_t> most = count_of(schema, "maxLength", pointer);
  if (most && least.value_or(0) > *most) return expressions_.nothing();
  std::optional<ExprId> texts;  // in the shortest spelling, so that what two keywords allow can be compared
  const auto also = [&](ExprId more) { texts = texts ? intersect(expressions_, *texts, more) : more; };
  if (schema.contains("pattern")) {
    also(text_.string_matching(text_of(schema, pointer, "pattern"), RegexAnchoring::kSearch));
  }
  if (schema.contains("format")) {
    const std::string& format = text_of(schema, pointer, "format");
    const std::string pattern = format_pattern(format);
    if (pattern.empty()) {
      refuse_schema(pointer, "the format " + quoted_text(format) +
                                 " is not supported: date, time, date-time, uuid, email and ipv4 are");
    }
    also(text_.string_matching(pattern, RegexAnchoring::kWhole));
  }
  if (!texts) return text_.string(least.value_or(0), most.value_or(kUnbounded));
  if (least || most) also(text_.shortest_string(least.value_or(0), most.value_or(kUnbounded)));
  return *texts;
}

ExprId JsonSchemaCompiler::array(const SchemaJson& schema, const SchemaPointer& pointer) {
  if (schema.value("uniqueItems", SchemaJson(false)) != SchemaJson(false)) {
    refuse_schema(pointer, "the keyword \"uniqueItems\" is not supported, unless false");
  }
  const std::int32_t least = count_of(schema, "minItems", pointer).value_or(0);
  std::int32_t most = count_of(schema, "maxItems", pointer).value_or(kUnbounded);
  std::vector<ExprId> first;
  if (const auto prefix = schema.find("prefixItems"); prefix != schema.end()) {
    if (!prefix->is_array()) refuse_schema(pointer, "prefixItems: an array of schemas is allowed");
    for (std::size_t i = 0; i < prefix->size(); ++i) {
      first.push_back(compile((*prefix)[i], pointer_to(pointer_to(pointer, "prefixItems"), std::to_string(i))));
    }
  }
  const auto items = schema.find("items");
  if (items != schema.end() && items->is_array()) {
    refuse_schema(pointer, "items: an array of schemas is not supported: prefixItems is");
  }
  const ExprId item =
      items == schema.end() ? text_.value(kAnySchemaDepth) : compile(*items, pointer_to(pointer, "items"));
  if (expressions_.is_nothing(item)) {
    const auto count = static_cast<std::int32_t>(first.size());
    most = most == kUnbounded ? count : std::min(most, count);
  }
  for (std::size_t i = 0; i < first.size(); ++i) {  // one that cannot be written ends the array before it
    if (!expressions_.is_nothing(first[i])) continue;
    const auto count = static_cast<std::int32_t>(i);
    most = most == kUnbounded ? count : std::min(most, count);
  }
  if (most != kUnbounded && least > most) return expressions_.nothing();
  // Place i: i items are written; the last place: the array may be closed.
  const auto places = static_cast<std::int32_t>(first.size()) + 1;
  const ExprId comma = text_.mark(',');
  std::vector<ExpressionEdge> edges;
  for (std::int32_t i = 0; i < places; ++i) {
    if (i >= least && (most == kUnbounded || i <= most)) edges.push_back({i, places, expressions_.empty()});
    if (most != kUnbounded && i >= most) continue;
    const ExprId separator = i == 0 ? expressions_.empty() : comma;
    if (i + 1 < places) {
      edges.push_back({i, i + 1, expressions_.concat({separator, first[static_cast<std::size_t>(i)]})});
      continue;
    }
    std::vector<ExprId> rest{separator};
    const ExprId another = expressions_.concat({item, comma});
    const std::int32_t missing = std::max(least - i - 1, 0);  // beside the last one
    rest.push_back(expressions_.repeat(another, missing, missing));
    if (most == kUnbounded) {
      rest.push_back(text_.list(item));
    } else {
      rest.push_back(item);
      rest.push_back(expressions_.repeat(expressions_.concat({comma, item}), 0, most - i - 1 - missing));
    }
    edges.push_back({i, places, expressions_.concat(std::move(rest))});
  }
  return text_.enclosed('[', expressions_.graph(places + 1, std::move(edges)), ']');
}

}  // namespace fllm
