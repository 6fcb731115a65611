// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "host/constraint/compile_budget.h"
#include "host/constraint/schema_document.h"

namespace fllm {

/// Kinds of JSON values, as bits. An integer is a number, too.
enum JsonKind : unsigned {
  kJsonNull = 1,
  kJsonBoolean = 2,
  kJsonInteger = 4,
  kJsonFraction = 8,  // a number that is none
  kJsonString = 16,
  kJsonArray = 32,
  kJsonObject = 64,
  kJsonNumber = kJsonInteger | kJsonFraction,
  kAnyJson = 127,
};

[[nodiscard]] unsigned kind_of(const SchemaJson& value);
/// The kinds `type` allows; all where there is none. Refuses unknown names.
[[nodiscard]] unsigned kinds_of_type(const SchemaJson& schema, const SchemaPointer& pointer);
/// Refuses every keyword that is not supported, by name.
void check_keywords(const SchemaJson& schema, const SchemaPointer& pointer);
/// Whether it asks anything of a value by itself: not where it only describes, or has other schemas ask ($ref, allOf, anyOf, oneOf).
[[nodiscard]] bool asks_something(const SchemaJson& schema);
/// The kinds that its keywords other than `type` are for; 0 where there are none.
[[nodiscard]] unsigned kinds_of_keywords(const SchemaJson& schema);

/// Whether no value at all is allowed by two schemas, as far as their kinds, their listed values, or a required property
/// with listed values show.
[[nodiscard]] bool are_disjoint(const SchemaDocument& document, const SchemaJson& a, const SchemaJson& b,
                                CompileBudget& budget);

}  // namespace fllm
