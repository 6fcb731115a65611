// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/schema_parts.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "host/constraint/schema_arguments.h"
#include "host/constraint/schema_keywords.h"

namespace fllm {
namespace {

constexpr std::size_t kPartSteps = 400;  // what a schema costs beside its expressions
constexpr std::int32_t kMaxFollowed = 200;

class PartReader {
 public:
  PartReader(SchemaParts& parts, const SchemaDocument& document, CompileBudget& budget)
      : parts_(parts), document_(document), budget_(budget) {}

  bool add(const SchemaPart& part) {
    budget_.take_steps(kPartSteps + part.pointer.size() + parts_.size());
    const SchemaJson& schema = *part.schema;
    if (schema.is_boolean()) return schema.get<bool>();
    if (!schema.is_object()) refuse_schema(part.pointer, "a schema is an object, true or false");
    if (depth_ >= kMaxFollowed) {
      refuse_schema(part.pointer, "nested deeper than " + std::to_string(kMaxFollowed) + " schemas, the limit");
    }
    check_keywords(schema, part.pointer);
    ++depth_;
    bool possible = true, is_in = false;
    for (const auto& [name, value] : schema.items()) {
      if (name == "properties") is_in = put(part);
      if (name == "$ref") possible = follow(part) && possible;
      if (name == "allOf") possible = add_all(part) && possible;
    }
    if (!is_in) put(part);
    --depth_;
    return possible;
  }

 private:
  /// Once, however many ways lead to it.
  bool put(const SchemaPart& part) {
    const bool is_known = std::any_of(parts_.begin(), parts_.end(), [&](const SchemaPart& known) {
      return known.schema == part.schema && !known.any_of_taken && !known.one_of_taken;
    });
    if (!is_known) parts_.push_back(part);
    return true;
  }

  bool add_all(const SchemaPart& part) {
    const SchemaJson& list = schemas_of(*part.schema, part.pointer, "allOf");
    bool possible = true;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const SchemaPointer place = pointer_to(pointer_to(part.pointer, "allOf"), std::to_string(i));
      possible = add({&list[i], place, part.trail}) && possible;
    }
    return possible;
  }

  bool follow(const SchemaPart& part) {
    SchemaPart next;
    next.schema = &document_.resolve(text_of(*part.schema, part.pointer, "$ref"), part.pointer, next.pointer);
    std::int32_t times = next.schema == &document_.root() ? 1 : 0;
    for (const SchemaTrail* at = part.trail.get(); at != nullptr; at = at->before.get()) {
      budget_.take_steps(1);
      if (at->target == next.schema) ++times;
    }
    if (times > kSchemaRecursion) return false;
    next.trail = std::make_shared<const SchemaTrail>(SchemaTrail{next.schema, part.trail});
    return add(next);
  }

  SchemaParts& parts_;
  const SchemaDocument& document_;
  CompileBudget& budget_;
  std::int32_t depth_ = 0;
};

}  // namespace

bool add_parts(SchemaParts& parts, const SchemaPart& part, const SchemaDocument& document, CompileBudget& budget) {
  return PartReader(parts, document, budget).add(part);
}

}  // namespace fllm
