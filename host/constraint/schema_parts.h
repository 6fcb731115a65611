// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "host/constraint/compile_budget.h"
#include "host/constraint/schema_document.h"

namespace fllm {

/// The references on the way to a schema, innermost first.
struct SchemaTrail {
  const SchemaJson* target = nullptr;
  std::shared_ptr<const SchemaTrail> before;
};

/// One of the schemas that a value must be valid by at the same time. Those it refers to with $ref and allOf are parts of their own.
struct SchemaPart {
  const SchemaJson* schema = nullptr;  // an object
  SchemaPointer pointer;
  std::shared_ptr<const SchemaTrail> trail;
  bool any_of_taken = false, one_of_taken = false;  // one of its branches is a part, too
};
using SchemaParts = std::vector<SchemaPart>;

constexpr std::int32_t kSchemaRecursion = 4;  // how often a schema may stand within itself

/// Adds a schema, and those it refers to: in the order in which their `properties` stand. False where there is no value, since one
/// of them is `false`, or stands within itself too often. Exception(kInvalidArgument): a keyword that is not supported, a limit.
[[nodiscard]] bool add_parts(SchemaParts& parts, const SchemaPart& part, const SchemaDocument& document,
                             CompileBudget& budget);

}  // namespace fllm
