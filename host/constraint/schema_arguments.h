// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/constraint/regex_parser.h"
#include "host/constraint/schema_document.h"

namespace fllm {

// What keywords are given, by those who know what to do with it. Each refuses what the keyword may not be.

/// The text of a keyword that is there. Refuses what is no string.
[[nodiscard]] const std::string& text_of(const SchemaJson& schema, const SchemaPointer& pointer, const char* keyword);
/// The schemas of a keyword that is there. Refuses what is no array of them, and an empty one.
[[nodiscard]] const SchemaJson& schemas_of(const SchemaJson& schema, const SchemaPointer& pointer, const char* keyword);
void check_members(const SchemaJson& schema, const SchemaPointer& pointer);  ///< `properties`, `required`
void check_items(const SchemaJson& schema, const SchemaPointer& pointer);    ///< `items`, `prefixItems`, `uniqueItems`
void check_listed(const SchemaJson& schema, const SchemaPointer& pointer);   ///< `enum`
/// What texts must match: `pattern`, `format`. Refuses an unknown format.
[[nodiscard]] std::vector<RegexPattern> patterns_of(const SchemaJson& schema, const SchemaPointer& pointer);

/// A count; none where the keyword is missing. Refuses what is no count, and more than 100,000.
[[nodiscard]] std::optional<std::int32_t> count_of(const SchemaJson& schema, const char* keyword,
                                                   const SchemaPointer& pointer);

}  // namespace fllm
