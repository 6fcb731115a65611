// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/expression.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace fllm {

namespace {

/// FNV-1a over the ends of the ranges.
std::uint64_t hash_of(const CodePointSet& set) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const CodePointRange& range : set.ranges()) {
    for (const char32_t end : {range.first, range.last}) hash = (hash ^ end) * 0x100000001B3;
  }
  return hash;
}

}  // namespace

ExprId Expressions::add(Node node) {
  budget_->take_steps(1 + node.bytes.size() + node.parts.size() + node.edges.size());
  budget_->check_nfa_states(nodes_.size());  // each becomes a state or more
  nodes_.push_back(std::move(node));
  return static_cast<ExprId>(nodes_.size() - 1);
}

ExprId Expressions::nothing() { return add({}); }

ExprId Expressions::empty() {
  Node node;
  node.kind = Kind::kEmpty;
  return add(std::move(node));
}

ExprId Expressions::bytes(std::string text) {
  if (text.empty()) return empty();
  Node node;
  node.kind = Kind::kBytes;
  node.bytes = std::move(text);
  return add(std::move(node));
}

ExprId Expressions::set(const CodePointSet& set) {
  if (set.empty()) return nothing();
  budget_->take_steps(1 + set.ranges().size());
  const auto [first, last] = known_sets_.equal_range(hash_of(set));
  const auto known = std::find_if(
      first, last, [&](const auto& entry) { return sets_[static_cast<std::size_t>(entry.second)] == set; });
  Node node;
  node.kind = Kind::kSet;
  if (known != last) {
    node.set = known->second;
    return add(std::move(node));
  }
  node.set = static_cast<std::int32_t>(sets_.size());
  known_sets_.emplace(hash_of(set), node.set);
  sets_.push_back(set);
  automata_.push_back(utf8_automaton(set));
  budget_->take_steps(16 * automata_.back().edges.size());
  return add(std::move(node));
}

ExprId Expressions::concat(std::vector<ExprId> parts) {
  if (std::any_of(parts.begin(), parts.end(), [&](ExprId part) { return is_nothing(part); })) return nothing();
  if (parts.empty()) return empty();
  if (parts.size() == 1) return parts.front();
  Node node;
  node.kind = Kind::kConcat;
  node.parts = std::move(parts);
  return add(std::move(node));
}

ExprId Expressions::alternate(std::vector<ExprId> parts) {
  std::erase_if(parts, [&](ExprId part) { return is_nothing(part); });
  if (parts.empty()) return nothing();
  if (parts.size() == 1) return parts.front();
  Node node;
  node.kind = Kind::kAlternate;
  node.parts = std::move(parts);
  return add(std::move(node));
}

ExprId Expressions::repeat(ExprId part, std::int32_t least, std::int32_t most) {
  if (most == 0 || (is_nothing(part) && least == 0) || node(part).kind == Kind::kEmpty) return empty();
  if (is_nothing(part)) return nothing();
  if (least == 1 && most == 1) return part;
  Node node;
  node.kind = Kind::kRepeat;
  node.parts = {part};
  node.least = least;
  node.most = most;
  return add(std::move(node));
}

ExprId Expressions::graph(std::int32_t place_count, std::vector<ExpressionEdge> edges) {
  std::erase_if(edges, [&](const ExpressionEdge& edge) { return is_nothing(edge.via); });
  std::vector<bool> reached(static_cast<std::size_t>(place_count));
  reached[0] = true;
  // Places are numbered along the ways, save for ways back, so that one pass in their order finds what can be reached.
  std::stable_sort(edges.begin(), edges.end(),
                   [](const ExpressionEdge& a, const ExpressionEdge& b) { return a.from < b.from; });
  for (const ExpressionEdge& edge : edges) {
    if (reached[static_cast<std::size_t>(edge.from)]) reached[static_cast<std::size_t>(edge.to)] = true;
  }
  if (!reached.back()) return nothing();
  std::erase_if(edges, [&](const ExpressionEdge& edge) { return !reached[static_cast<std::size_t>(edge.from)]; });
  Node node;
  node.kind = Kind::kGraph;
  node.place_count = place_count;
  node.edges = std::move(edges);
  return add(std::move(node));
}

ExprId Expressions::byte_graph(ByteGraph graph) {
  if (graph.ends.empty()) return nothing();
  Node node;
  node.kind = Kind::kByteGraph;
  node.set = static_cast<std::int32_t>(byte_graphs_.size());
  byte_graphs_.push_back(std::move(graph));
  return add(std::move(node));
}

}  // namespace fllm
