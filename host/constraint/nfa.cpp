// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/nfa.h"

namespace fllm {

Nfa::Nfa(const Expressions& expressions, ExprId root, CompileBudget& budget)
    : expressions_(expressions), budget_(budget) {
  add_state();
  add_state();
  emit(root, kStart, kAccept);
}

std::int32_t Nfa::add_state() {
  budget_.check_nfa_states(states_.size() + 1);
  states_.emplace_back();
  return state_count() - 1;
}

void Nfa::add_edge(std::int32_t from, std::int32_t to, std::uint8_t first, std::uint8_t last) {
  budget_.take_steps(1);
  State& state = states_[static_cast<std::size_t>(from)];
  edges_.push_back({to, state.edges, first, last});
  state.edges = static_cast<std::int32_t>(edges_.size() - 1);
}

void Nfa::add_move(std::int32_t from, std::int32_t to) {
  if (from == to) return;
  budget_.take_steps(1);
  State& state = states_[static_cast<std::size_t>(from)];
  moves_.push_back({to, state.moves});
  state.moves = static_cast<std::int32_t>(moves_.size() - 1);
}

// No part gives `from` an incoming or `to` an outgoing way of its own, so that parts side by side can share both.
void Nfa::emit(ExprId id, std::int32_t from, std::int32_t to) {
  using Kind = Expressions::Kind;
  const Expressions::Node& node = expressions_.node(id);
  switch (node.kind) {
    case Kind::kNothing:
      break;
    case Kind::kEmpty:
      add_move(from, to);
      break;
    case Kind::kBytes:
      emit_bytes(node.bytes, from, to);
      break;
    case Kind::kSet:
      emit_set(expressions_.utf8(node.set), from, to);
      break;
    case Kind::kConcat:
      for (std::size_t i = 0; i < node.parts.size(); ++i) {
        const std::int32_t next = i + 1 < node.parts.size() ? add_state() : to;
        emit(node.parts[i], from, next);
        from = next;
      }
      break;
    case Kind::kAlternate:
      for (const ExprId part : node.parts) emit(part, from, to);
      break;
    case Kind::kRepeat:
      emit_repeat(node, from, to);
      break;
    case Kind::kGraph:
      emit_graph(node, from, to);
      break;
    case Kind::kByteGraph:
      emit_byte_graph(expressions_.byte_graph(node.set), from, to);
      break;
  }
}

void Nfa::emit_bytes(std::string_view bytes, std::int32_t from, std::int32_t to) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::int32_t next = i + 1 < bytes.size() ? add_state() : to;
    const auto byte = static_cast<std::uint8_t>(bytes[i]);
    add_edge(from, next, byte, byte);
    from = next;
  }
}

void Nfa::emit_set(const Utf8Automaton& automaton, std::int32_t from, std::int32_t to) {
  const std::int32_t inner = state_count();  // of place 2
  for (std::int32_t place = 2; place < automaton.place_count; ++place) add_state();
  const auto state_of = [&](std::int32_t place) {
    if (place == 0) return from;
    return place == 1 ? to : inner + place - 2;
  };
  for (const Utf8Automaton::Edge& edge : automaton.edges) {
    add_edge(state_of(edge.from), state_of(edge.to), edge.first, edge.last);
  }
}

void Nfa::emit_repeat(const Expressions::Node& node, std::int32_t from, std::int32_t to) {
  const ExprId part = node.parts.front();
  for (std::int32_t i = 0; i < node.least; ++i) {
    const std::int32_t next = add_state();
    emit(part, from, next);
    from = next;
  }
  if (node.most == kUnbounded) {
    const std::int32_t loop = add_state();
    add_move(from, loop);
    emit(part, loop, loop);
    add_move(loop, to);
    return;
  }
  for (std::int32_t i = node.least; i < node.most; ++i) {
    const std::int32_t next = add_state();
    add_move(from, to);
    emit(part, from, next);
    from = next;
  }
  add_move(from, to);
}

void Nfa::emit_byte_graph(const ByteGraph& graph, std::int32_t from, std::int32_t to) {
  const std::int32_t inner = state_count();  // of place 0: ways may lead back to it, and on from an end
  for (std::int32_t place = 0; place < graph.place_count; ++place) add_state();
  add_move(from, inner);
  for (const ByteGraph::Edge& edge : graph.edges) add_edge(inner + edge.from, inner + edge.to, edge.first, edge.last);
  for (const std::int32_t end : graph.ends) add_move(inner + end, to);
}

void Nfa::emit_graph(const Expressions::Node& node, std::int32_t from, std::int32_t to) {
  const std::int32_t inner = state_count();  // of place 1
  for (std::int32_t place = 1; place + 1 < node.place_count; ++place) add_state();
  const auto state_of = [&](std::int32_t place) {
    if (place == 0) return from;
    return place + 1 == node.place_count ? to : inner + place - 1;
  };
  for (const ExpressionEdge& edge : node.edges) emit(edge.via, state_of(edge.from), state_of(edge.to));
}

}  // namespace fllm
