// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "host/constraint/code_points.h"
#include "host/constraint/compile_budget.h"
#include "host/constraint/utf8_ranges.h"

namespace fllm {

enum class ExprId : std::int32_t {};

constexpr std::int32_t kUnbounded = -1;

/// A way between two places of Expressions::graph().
struct ExpressionEdge {
  std::int32_t from = 0, to = 0;
  ExprId via{};
};

/// An automaton over bytes from place 0 to any of its ends.
struct ByteGraph {
  struct Edge {
    std::int32_t from = 0, to = 0;
    std::uint8_t first = 0, last = 0;  // bytes, both in it
  };
  std::int32_t place_count = 1;
  std::vector<Edge> edges;
  std::vector<std::int32_t> ends;
};

/// Regular expressions over text: what every source of a constraint becomes. A part may be used in several places.
class Expressions {
 public:
  enum class Kind : std::uint8_t { kNothing, kEmpty, kBytes, kSet, kConcat, kAlternate, kRepeat, kGraph, kByteGraph };
  struct Node {
    Kind kind = Kind::kNothing;
    std::string bytes;                  // kBytes
    std::int32_t set = 0;               // kSet: index of utf8(); kByteGraph: of byte_graph()
    std::vector<ExprId> parts;          // kConcat, kAlternate; kRepeat: one
    std::int32_t least = 0, most = 0;   // kRepeat; most may be kUnbounded
    std::int32_t place_count = 0;       // kGraph: from place 0 to the last
    std::vector<ExpressionEdge> edges;  // kGraph
  };

  explicit Expressions(CompileBudget& budget) : budget_(&budget) {}

  [[nodiscard]] ExprId nothing();  ///< matches no text at all
  [[nodiscard]] ExprId empty();    ///< matches the empty text
  [[nodiscard]] ExprId bytes(std::string text);
  [[nodiscard]] ExprId set(const CodePointSet& set);
  [[nodiscard]] ExprId concat(std::vector<ExprId> parts);
  [[nodiscard]] ExprId alternate(std::vector<ExprId> parts);
  [[nodiscard]] ExprId repeat(ExprId part, std::int32_t least, std::int32_t most);
  [[nodiscard]] ExprId optional(ExprId part) { return repeat(part, 0, 1); }
  /// From place 0, where no way leads back to, to the last, from where none leads on. Every place that can be reached can be
  /// reached by ways to higher ones.
  [[nodiscard]] ExprId graph(std::int32_t place_count, std::vector<ExpressionEdge> edges);
  /// Every place lies on a way to an end; nothing where there is none.
  [[nodiscard]] ExprId byte_graph(ByteGraph graph);

  [[nodiscard]] const Node& node(ExprId id) const { return nodes_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] bool is_nothing(ExprId id) const { return node(id).kind == Kind::kNothing; }
  [[nodiscard]] const Utf8Automaton& utf8(std::int32_t set) const { return automata_[static_cast<std::size_t>(set)]; }
  [[nodiscard]] const ByteGraph& byte_graph(std::int32_t index) const {
    return byte_graphs_[static_cast<std::size_t>(index)];
  }
  [[nodiscard]] CompileBudget& budget() { return *budget_; }

 private:
  ExprId add(Node node);

  CompileBudget* budget_;
  std::vector<Node> nodes_;
  std::vector<CodePointSet> sets_;
  std::unordered_multimap<std::uint64_t, std::int32_t> known_sets_;  // indices of sets_ by their hashes
  std::vector<Utf8Automaton> automata_;                              // of sets_
  std::vector<ByteGraph> byte_graphs_;
};

}  // namespace fllm
