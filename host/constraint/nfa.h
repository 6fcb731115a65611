// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "host/constraint/expression.h"

namespace fllm {

/// An automaton over bytes with free moves, after Thompson ("Regular expression search algorithm", CACM 1968).
class Nfa {
 public:
  struct Edge {
    std::int32_t to = 0, next = -1;  // next: of the same state
    std::uint8_t first = 0, last = 0;
  };
  struct State {
    std::int32_t edges = -1, moves = -1;  // heads of the lists
  };
  struct Move {
    std::int32_t to = 0, next = -1;
  };
  static constexpr std::int32_t kStart = 0, kAccept = 1;

  /// The texts of an expression. Exception(kInvalidArgument): a limit of the budget.
  Nfa(const Expressions& expressions, ExprId root, CompileBudget& budget);

  [[nodiscard]] std::int32_t state_count() const { return static_cast<std::int32_t>(states_.size()); }
  [[nodiscard]] const State& state(std::int32_t id) const { return states_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] const Edge& edge(std::int32_t id) const { return edges_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] const Move& move(std::int32_t id) const { return moves_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] const std::vector<Edge>& edges() const { return edges_; }

 private:
  std::int32_t add_state();
  void add_edge(std::int32_t from, std::int32_t to, std::uint8_t first, std::uint8_t last);
  void add_move(std::int32_t from, std::int32_t to);
  void emit(ExprId id, std::int32_t from, std::int32_t to);
  void emit_bytes(std::string_view bytes, std::int32_t from, std::int32_t to);
  void emit_set(const Utf8Automaton& automaton, std::int32_t from, std::int32_t to);
  void emit_repeat(const Expressions::Node& node, std::int32_t from, std::int32_t to);
  void emit_byte_graph(const ByteGraph& graph, std::int32_t from, std::int32_t to);
  void emit_graph(const Expressions::Node& node, std::int32_t from, std::int32_t to);

  const Expressions& expressions_;
  CompileBudget& budget_;
  std::vector<State> states_;
  std::vector<Edge> edges_;
  std::vector<Move> moves_;
};

}  // namespace fllm
