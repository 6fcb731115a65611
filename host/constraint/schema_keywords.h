// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
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
/// Of some kinds, those its keywords are about: those of `type`, and without it those that some keyword is for; all where there is
/// none for them. Refuses every keyword that is not supported, by name.
[[nodiscard]] unsigned kinds_of_keywords(const SchemaJson& schema, const SchemaPointer& pointer, unsigned kinds);

/// Refuses keywords beside `main`, other than `type` and those that only describe.
void refuse_beside(const SchemaJson& schema, const SchemaPointer& pointer, std::string_view main);

/// A count; none where the keyword is missing. Refuses what is no count, and more than 100,000.
[[nodiscard]] std::optional<std::int32_t> count_of(const SchemaJson& schema, const char* keyword,
                                                   const SchemaPointer& pointer);

/// Whether no value at all is allowed by two schemas, as far as their kinds, their listed values, or a required property
/// with listed values show.
[[nodiscard]] bool are_disjoint(const SchemaDocument& document, const SchemaJson& a, const SchemaJson& b,
                                CompileBudget& budget);

}  // namespace fllm
