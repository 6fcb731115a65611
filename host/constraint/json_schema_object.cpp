// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "host/constraint/json_schema.h"
#include "host/constraint/schema_arguments.h"

namespace fllm {
namespace {

constexpr std::size_t kMaxUnordered = 6;    // properties in any order
constexpr std::size_t kMaxNameBytes = 256;  // of a property

}  // namespace

/// Those that some part names or requires, in this order. What a part does not name, its additionalProperties are for.
std::vector<JsonSchemaCompiler::NamedProperty> JsonSchemaCompiler::named_properties(const SchemaParts& parts) {
  std::vector<NamedProperty> found;
  std::map<std::string_view, std::size_t> places;
  const auto place_of = [&](const std::string& name, const SchemaPart& part) {
    expressions_.budget().take_steps(1 + part.pointer.size());
    if (name.size() > kMaxNameBytes) {
      refuse_schema(part.pointer,
                    "a property's name of " + std::to_string(name.size()) + " bytes: at most 256 are allowed");
    }
    const auto [known, is_new] = places.try_emplace(name, found.size());
    if (is_new) found.push_back({name, {}, false});
    return known->second;
  };
  for (const SchemaPart& part : parts) {
    check_members(*part.schema, part.pointer);
    const auto named = part.schema->find("properties");
    if (named == part.schema->end()) continue;
    for (const auto& [name, value] : named->items()) {
      const SchemaPointer place = pointer_to(pointer_to(part.pointer, "properties"), name);
      found[place_of(name, part)].value.push_back({&value, place, part.trail});
    }
  }
  for (const SchemaPart& part : parts) {
    const auto required = part.schema->find("required");
    if (required == part.schema->end()) continue;
    for (const SchemaJson& name : *required) found[place_of(name.get_ref<const std::string&>(), part)].required = true;
  }
  for (const SchemaPart& part : parts) {
    const auto named = part.schema->find("properties"), other = part.schema->find("additionalProperties");
    if (other == part.schema->end()) continue;
    std::set<std::string_view> own;
    if (named != part.schema->end()) {
      for (const auto& [name, value] : named->items()) own.insert(name);
    }
    expressions_.budget().take_steps(own.size() + found.size() * (1 + part.pointer.size()));
    const SchemaPart rest{&*other, pointer_to(part.pointer, "additionalProperties"), part.trail};
    for (NamedProperty& property : found) {
      if (!own.contains(property.name)) property.value.push_back(rest);
    }
  }
  return found;
}

ExprId JsonSchemaCompiler::object(const SchemaParts& parts) {
  std::vector<Property> named;
  std::vector<std::string> names;
  for (const NamedProperty& property : named_properties(parts)) {
    const ExprId value = property.value.empty() ? text_.value(kAnySchemaDepth) : compile({}, property.value);
    const ExprId member = expressions_.concat({text_.string_of(property.name), text_.mark(':'), value});
    named.push_back({property.name, member, property.required});
    names.push_back(property.name);
  }
  ObjectCounts counts;
  bool is_named = !named.empty();
  SchemaParts others;
  SchemaPointer minimum;  // whose minProperties count
  for (const SchemaPart& part : parts) {
    const std::int32_t least = count_of(*part.schema, "minProperties", part.pointer).value_or(0);
    if (least > counts.least) {
      counts.least = least;
      minimum = part.pointer;
    }
    if (const auto most = count_of(*part.schema, "maxProperties", part.pointer)) {
      counts.most = counts.most == kUnbounded ? *most : std::min(counts.most, *most);
    }
    is_named = is_named || part.schema->contains("properties");
    if (const auto other = part.schema->find("additionalProperties"); other != part.schema->end()) {
      others.push_back({&*other, pointer_to(part.pointer, "additionalProperties"), part.trail});
    }
  }
  const auto required = static_cast<std::int32_t>(
      std::count_if(named.begin(), named.end(), [](const Property& p) { return p.required; }));
  if (counts.least <= required) counts.least = 0;

  ExprId additional = expressions_.nothing();
  if (!others.empty() || !is_named) {
    const ExprId value = others.empty() ? text_.value(kAnySchemaDepth) : compile({}, others);
    if (!expressions_.is_nothing(value)) {
      additional = expressions_.concat({text_.string_other_than(names), text_.mark(':'), value});
    }
  }
  const auto certain = static_cast<std::int32_t>(named.size()) + 1;
  if (counts.least > certain && !expressions_.is_nothing(additional)) {
    refuse_schema(minimum, "minProperties: " + std::to_string(counts.least) + ": beside additionalProperties at most " +
                               std::to_string(certain) + " is supported, one more than there are named ones");
  }
  const bool unordered = options_.any_order && named.size() > 1;
  if (unordered && named.size() > kMaxUnordered) {
    refuse_schema(parts.front().pointer,
                  std::to_string(named.size()) + " properties in any order: at most 6 are allowed");
  }
  const ExprId members =
      unordered ? members_in_any_order(named, counts, additional) : members_in_order(named, counts, additional);
  return text_.enclosed('{', members, '}');
}

/// Properties that the schema does not name, behind so many that it does. They may have the same name, so that of those that are
/// needed only one can be among them.
ExprId JsonSchemaCompiler::additional_members(std::int32_t written, ObjectCounts counts, ExprId additional) {
  Expressions& e = expressions_;
  if (written + 1 < counts.least || (counts.most != kUnbounded && written > counts.most)) return e.nothing();
  const bool needs_one = written < counts.least;
  const std::int32_t room = counts.most == kUnbounded ? kUnbounded : counts.most - written;
  const ExprId more = e.concat({text_.mark(','), additional});
  if (written > 0 && !(needs_one && room == 0)) return e.repeat(more, needs_one ? 1 : 0, room);
  if (room == 0) return needs_one ? e.nothing() : e.empty();
  const ExprId some = room == kUnbounded ? text_.list(additional) : e.concat({additional, e.repeat(more, 0, room - 1)});
  return needs_one ? some : e.optional(some);
}

// Place (i, count): the first i properties are written or left out, `count` of them written, where more than `top` need not
// be told apart. Between them, a place where property i follows; so it stands in the automaton once for each count.
ExprId JsonSchemaCompiler::members_in_order(const std::vector<Property>& properties, ObjectCounts counts,
                                            ExprId additional) {
  Expressions& e = expressions_;
  const auto total = static_cast<std::int32_t>(properties.size());
  const std::int32_t most = counts.most == kUnbounded ? counts.least : counts.most + 1;
  const std::int32_t top = std::min(std::max(most, 1), std::max(total, 1));
  const std::int32_t stride = 2 * top + 1;  // places of a property: top + 1 counts, top before its text
  e.budget().check_nfa_states(properties.size() * static_cast<std::size_t>(stride));
  const auto place = [&](std::int32_t i, std::int32_t count) { return i * stride + count; };
  const ExprId comma = text_.mark(',');
  std::vector<ExpressionEdge> edges;
  for (std::int32_t i = 0; i < total; ++i) {
    const Property& property = properties[static_cast<std::size_t>(i)];
    for (std::int32_t count = 0; count <= top; ++count) {
      const std::int32_t written = std::min(count + 1, top), before_text = place(i, top + written);
      edges.push_back({place(i, count), before_text, count == 0 ? e.empty() : comma});
      if (!property.required) edges.push_back({place(i, count), place(i + 1, count), e.empty()});
    }
    for (std::int32_t written = 1; written <= top; ++written) {
      edges.push_back({place(i, top + written), place(i + 1, written), property.member});
    }
  }
  const std::int32_t end = place(total, top) + 1;
  for (std::int32_t count = 0; count <= top; ++count) {
    edges.push_back({place(total, count), end, additional_members(count, counts, additional)});
  }
  return e.graph(end + 1, std::move(edges));
}

/// Place: the set of the properties that are written, as bits.
ExprId JsonSchemaCompiler::members_in_any_order(const std::vector<Property>& properties, ObjectCounts counts,
                                                ExprId additional) {
  Expressions& e = expressions_;
  const auto end = std::int32_t{1} << properties.size();
  const ExprId comma = text_.mark(',');
  std::vector<ExpressionEdge> edges;
  for (std::int32_t written = 0; written < end; ++written) {
    bool complete = true;
    for (std::size_t i = 0; i < properties.size(); ++i) {
      const std::int32_t bit = std::int32_t{1} << i;
      if ((written & bit) != 0) continue;
      complete = complete && !properties[i].required;
      edges.push_back({written, written | bit, e.concat({written == 0 ? e.empty() : comma, properties[i].member})});
    }
    const auto count = static_cast<std::int32_t>(std::popcount(static_cast<std::uint32_t>(written)));
    if (complete) edges.push_back({written, end, additional_members(count, counts, additional)});
  }
  return e.graph(end + 1, std::move(edges));
}

}  // namespace fllm
