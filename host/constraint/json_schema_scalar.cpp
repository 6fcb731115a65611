// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

#include "host/constraint/decimal_ranges.h"
#include "host/constraint/intersect.h"
#include "host/constraint/json_schema.h"
#include "host/constraint/schema_arguments.h"

namespace fllm {
namespace {

constexpr std::int64_t kMaxInteger = 999'999'999'999'999;

struct Bound {
  double value = 0;
  bool excluded = false;
};

/// The tightest of a keyword and its exclusive form; sign -1 for upper bounds.
std::optional<Bound> bound_of(const SchemaParts& parts, const char* keyword, const char* exclusive, double sign) {
  std::optional<Bound> bound;
  for (const SchemaPart& part : parts) {
    for (const char* name : {keyword, exclusive}) {
      const auto found = part.schema->find(name);
      if (found == part.schema->end()) continue;
      const double value = found->is_number() ? found->get<double>() : static_cast<double>(kMaxInteger) * 2;
      if (std::abs(value) > static_cast<double>(kMaxInteger)) {
        refuse_schema(part.pointer, std::string(name) + ": a number of at most 15 digits is allowed");
      }
      const bool excluded = name == exclusive;
      if (!bound || value * sign > bound->value * sign || (value == bound->value && excluded)) {
        bound = {value, excluded};
      }
    }
  }
  return bound;
}

}  // namespace

ExprId JsonSchemaCompiler::number(const SchemaParts& parts, bool fractions) {
  const std::optional<Bound> low = bound_of(parts, "minimum", "exclusiveMinimum", 1);
  const std::optional<Bound> high = bound_of(parts, "maximum", "exclusiveMaximum", -1);
  if (!low && !high) return fractions ? text_.number() : text_.integer();
  FractionBounds bounds{{kMaxInteger, {}, false, true}, {kMaxInteger, {}, false, false}};
  std::int64_t least = -kMaxInteger, most = kMaxInteger;  // of the integers
  if (low) {
    const auto ceiling = static_cast<std::int64_t>(std::ceil(low->value));
    least = ceiling + (static_cast<double>(ceiling) == low->value && low->excluded ? 1 : 0);
    bounds.least = decimal_bound(low->value, low->excluded);
  }
  if (high) {
    const auto floor = static_cast<std::int64_t>(std::floor(high->value));
    most = floor - (static_cast<double>(floor) == high->value && high->excluded ? 1 : 0);
    bounds.most = decimal_bound(high->value, high->excluded);
  }
  const ExprId integers = integers_between(expressions_, least, most);
  if (!fractions) return integers;
  return expressions_.alternate({integers, fractions_between(expressions_, bounds, JsonText::kMaxDigits)});
}

ExprId JsonSchemaCompiler::string(const SchemaParts& parts) {
  std::optional<std::int32_t> least, most;
  std::optional<ExprId> texts;  // in the shortest spelling, so that what two keywords allow can be compared
  const auto also = [&](ExprId more) { texts = texts ? intersect(expressions_, *texts, more) : more; };
  for (const SchemaPart& part : parts) {
    const auto shortest = count_of(*part.schema, "minLength", part.pointer);
    const auto longest = count_of(*part.schema, "maxLength", part.pointer);
    if (shortest) least = std::max(least.value_or(0), *shortest);
    if (longest) most = std::min(most.value_or(*longest), *longest);
    for (const RegexPattern& pattern : patterns_of(*part.schema, part.pointer)) also(text_.string_matching(pattern));
  }
  if (most && least.value_or(0) > *most) return expressions_.nothing();
  if (!texts) return text_.string(least.value_or(0), most.value_or(kUnbounded));
  if (least || most) also(text_.shortest_string(least.value_or(0), most.value_or(kUnbounded)));
  return *texts;
}

}  // namespace fllm
