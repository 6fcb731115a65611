// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "host/constraint/json_schema.h"
#include "host/constraint/schema_arguments.h"

namespace fllm {

/// What may stand at a place of an array: by each part its own schema there.
ExprId JsonSchemaCompiler::items(const SchemaParts& parts, std::size_t at) {
  SchemaParts here;
  for (const SchemaPart& part : parts) {
    expressions_.budget().take_steps(1 + part.pointer.size());
    const auto prefix = part.schema->find("prefixItems"), items = part.schema->find("items");
    if (prefix != part.schema->end() && at < prefix->size()) {
      const SchemaPointer place = pointer_to(pointer_to(part.pointer, "prefixItems"), std::to_string(at));
      here.push_back({&(*prefix)[at], place, part.trail});
    } else if (items != part.schema->end()) {
      here.push_back({&*items, pointer_to(part.pointer, "items"), part.trail});
    }
  }
  return here.empty() ? text_.value(kAnySchemaDepth) : compile({}, here);
}

ExprId JsonSchemaCompiler::array(const SchemaParts& parts) {
  std::int32_t least = 0, most = kUnbounded;
  const auto at_most = [&](std::int32_t count) { most = most == kUnbounded ? count : std::min(most, count); };
  std::size_t listed = 0;
  for (const SchemaPart& part : parts) {
    check_items(*part.schema, part.pointer);
    least = std::max(least, count_of(*part.schema, "minItems", part.pointer).value_or(0));
    if (const auto count = count_of(*part.schema, "maxItems", part.pointer)) at_most(*count);
    const auto prefix = part.schema->find("prefixItems");
    if (prefix != part.schema->end()) listed = std::max(listed, prefix->size());
  }
  std::vector<ExprId> first;
  for (std::size_t i = 0; i < listed; ++i) first.push_back(items(parts, i));
  const ExprId item = items(parts, listed);
  if (expressions_.is_nothing(item)) at_most(static_cast<std::int32_t>(first.size()));
  for (std::size_t i = 0; i < first.size(); ++i) {  // one that cannot be written ends the array before it
    if (expressions_.is_nothing(first[i])) at_most(static_cast<std::int32_t>(i));
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
