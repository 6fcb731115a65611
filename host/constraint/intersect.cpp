// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/intersect.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "host/constraint/determinise.h"
#include "host/constraint/nfa.h"

namespace fllm {
namespace {

constexpr std::int32_t kNowhere = -1;

/// A transition list as a table.
struct DenseAutomaton {
  DenseAutomaton(const Expressions& expressions, ExprId root, CompileBudget& budget)
      : list(determinise(Nfa(expressions, root, budget), budget)),
        next(static_cast<std::size_t>(list.state_count) * static_cast<std::size_t>(list.class_count), kNowhere) {
    budget.check_table_bytes(next.size() * sizeof(std::int32_t));
    for (const TransitionList::Transition& edge : list.transitions) {
      next[static_cast<std::size_t>(edge.from) * static_cast<std::size_t>(list.class_count) + edge.byte_class] =
          edge.to;
    }
  }
  [[nodiscard]] std::int32_t step(std::int32_t state, std::size_t byte) const {
    return next[static_cast<std::size_t>(state) * static_cast<std::size_t>(list.class_count) + list.class_of[byte]];
  }

  TransitionList list;
  std::vector<std::int32_t> next;
};

/// Pairs of states that both automata reach with the same bytes, numbered as they are found.
class Product {
 public:
  Product(const DenseAutomaton& a, const DenseAutomaton& b, CompileBudget& budget) : a_(a), b_(b), budget_(budget) {
    for (std::size_t byte = 1; byte < 256; ++byte) {
      if (a.list.class_of[byte] != a.list.class_of[byte - 1] || b.list.class_of[byte] != b.list.class_of[byte - 1]) {
        stretches_.push_back(byte);
      }
    }
    stretches_.push_back(256);
    number(0, 0);
    for (std::size_t from = 0; from < pairs_.size(); ++from) follow(static_cast<std::int32_t>(from));
  }

  /// Without the pairs that lead to no end.
  [[nodiscard]] ByteGraph graph() const {
    std::vector<std::vector<std::int32_t>> from(pairs_.size());
    for (const ByteGraph::Edge& edge : edges_) from[static_cast<std::size_t>(edge.to)].push_back(edge.from);
    std::vector<std::int32_t> open = ends_, place(pairs_.size(), kNowhere);
    for (const std::int32_t end : ends_) place[static_cast<std::size_t>(end)] = 0;
    while (!open.empty()) {
      const auto pair = static_cast<std::size_t>(open.back());
      open.pop_back();
      for (const std::int32_t before : from[pair]) {
        if (std::exchange(place[static_cast<std::size_t>(before)], 0) == kNowhere) open.push_back(before);
      }
    }
    ByteGraph graph;
    graph.place_count = 0;
    if (place.front() == kNowhere) return graph;
    for (std::int32_t& number : place) {
      if (number != kNowhere) number = graph.place_count++;
    }
    for (const std::int32_t end : ends_) graph.ends.push_back(place[static_cast<std::size_t>(end)]);
    for (ByteGraph::Edge edge : edges_) {
      edge.from = place[static_cast<std::size_t>(edge.from)];
      edge.to = place[static_cast<std::size_t>(edge.to)];
      if (edge.from != kNowhere && edge.to != kNowhere) graph.edges.push_back(edge);
    }
    return graph;
  }

 private:
  std::int32_t number(std::int32_t a, std::int32_t b) {
    const std::uint64_t key = (static_cast<std::uint64_t>(a) << 32) | static_cast<std::uint64_t>(b);
    const auto [found, is_new] = numbers_.try_emplace(key, static_cast<std::int32_t>(pairs_.size()));
    if (is_new) {
      budget_.check_nfa_states(pairs_.size() + 1);
      pairs_.emplace_back(a, b);
      if (a_.list.accepting[static_cast<std::size_t>(a)] != 0 && b_.list.accepting[static_cast<std::size_t>(b)] != 0) {
        ends_.push_back(found->second);
      }
    }
    return found->second;
  }

  void follow(std::int32_t from) {
    const auto [a, b] = pairs_[static_cast<std::size_t>(from)];
    budget_.take_steps(stretches_.size());
    std::size_t first = 0;
    std::int32_t before = kNowhere;  // where the stretch before leads
    for (const std::size_t end : stretches_) {
      const std::int32_t to_a = a_.step(a, first), to_b = b_.step(b, first);
      const std::int32_t to = to_a == kNowhere || to_b == kNowhere ? kNowhere : number(to_a, to_b);
      if (to != kNowhere && to == before) {
        edges_.back().last = static_cast<std::uint8_t>(end - 1);
      } else if (to != kNowhere) {
        edges_.push_back({from, to, static_cast<std::uint8_t>(first), static_cast<std::uint8_t>(end - 1)});
      }
      before = to;
      first = end;
    }
  }

  const DenseAutomaton& a_;
  const DenseAutomaton& b_;
  CompileBudget& budget_;
  std::vector<std::size_t> stretches_;  // ends of the bytes that neither automaton tells apart
  std::unordered_map<std::uint64_t, std::int32_t> numbers_;
  std::vector<std::pair<std::int32_t, std::int32_t>> pairs_;
  std::vector<ByteGraph::Edge> edges_;
  std::vector<std::int32_t> ends_;
};

}  // namespace

ExprId intersect(Expressions& expressions, ExprId a, ExprId b) {
  CompileBudget& budget = expressions.budget();
  const DenseAutomaton first(expressions, a, budget), second(expressions, b, budget);
  return expressions.byte_graph(Product(first, second, budget).graph());
}

}  // namespace fllm
