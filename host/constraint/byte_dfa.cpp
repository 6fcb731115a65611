// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/byte_dfa.h"

#include <algorithm>
#include <map>
#include <utility>

#include "host/constraint/determinise.h"
#include "host/constraint/minimise.h"
#include "host/constraint/nfa.h"

namespace fllm {
namespace {

/// A table of the blocks; classes whose columns are equal become one.
struct DfaTable {
  std::vector<ByteDfa::State> next;  // [states, classes]
  std::vector<std::uint8_t> accepting;
  std::size_t class_count = 0;
};

DfaTable number_states(const TransitionList& list, const StateBlocks& blocks) {
  DfaTable table;
  table.class_count = static_cast<std::size_t>(list.class_count);
  const std::size_t states = static_cast<std::size_t>(blocks.block_count) + 1;
  std::vector<ByteDfa::State> by_block(states * table.class_count, ByteDfa::kDead);  // blocks + 1, so that 0 is none
  std::vector<std::uint8_t> accepts(states, 0);
  for (std::size_t state = 0; state < blocks.block_of.size(); ++state) {
    if (list.accepting[state] != 0) accepts[static_cast<std::size_t>(blocks.block_of[state]) + 1] = 1;
  }
  for (const auto& edge : list.transitions) {
    const auto from = static_cast<std::size_t>(blocks.block_of[static_cast<std::size_t>(edge.from)]) + 1;
    const auto to = blocks.block_of[static_cast<std::size_t>(edge.to)] + 1;
    if (from != 0 && to != 0) by_block[from * table.class_count + edge.byte_class] = to;
  }
  std::vector<ByteDfa::State> number(states, ByteDfa::kDead);
  std::vector<std::size_t> order{0};
  const auto visit = [&](ByteDfa::State block) {
    auto& mine = number[static_cast<std::size_t>(block)];
    if (block != 0 && mine == ByteDfa::kDead) {
      mine = static_cast<ByteDfa::State>(order.size());
      order.push_back(static_cast<std::size_t>(block));
    }
    return mine;
  };
  visit(blocks.block_of.front() + 1);
  for (std::size_t i = 0; i < order.size(); ++i) {
    table.accepting.push_back(accepts[order[i]]);
    for (std::size_t c = 0; c < table.class_count; ++c) {
      table.next.push_back(visit(by_block[order[i] * table.class_count + c]));
    }
  }
  return table;
}

}  // namespace

ByteDfa ByteDfa::compile(Expressions& expressions, ExprId root) {
  CompileBudget& budget = expressions.budget();
  const TransitionList list = determinise(Nfa(expressions, root, budget), budget);
  const StateBlocks blocks = equal_states(list, budget);
  const std::size_t classes = static_cast<std::size_t>(list.class_count);
  budget.check_table_bytes((static_cast<std::size_t>(blocks.block_count) + 1) * classes * sizeof(State));
  DfaTable table = number_states(list, blocks);

  ByteDfa dfa;
  const std::size_t states = table.accepting.size();
  std::map<std::vector<State>, std::uint8_t> columns;
  std::vector<std::uint8_t> merged(classes);
  for (std::size_t c = 0; c < classes; ++c) {
    std::vector<State> column(states);
    for (std::size_t state = 0; state < states; ++state) column[state] = table.next[state * classes + c];
    merged[c] = columns.try_emplace(std::move(column), static_cast<std::uint8_t>(columns.size())).first->second;
  }
  dfa.class_count_ = static_cast<std::int32_t>(columns.size());
  for (std::size_t byte = 0; byte < dfa.class_of_.size(); ++byte) dfa.class_of_[byte] = merged[list.class_of[byte]];
  dfa.next_.resize(states * columns.size());
  for (const auto& [column, c] : columns) {
    for (std::size_t state = 0; state < states; ++state) dfa.next_[state * columns.size() + c] = column[state];
  }
  dfa.accepting_ = std::move(table.accepting);
  return dfa;
}

ByteDfa ByteDfa::with_prefix(std::string_view prefix) const {
  if (prefix.empty()) return *this;
  ByteDfa out;
  const State after = is_empty() ? kDead : walk(kStart, prefix);
  out.class_of_ = class_of_;
  out.class_count_ = class_count_;
  out.next_.assign(static_cast<std::size_t>(class_count_), kDead);
  out.accepting_.assign(1, 0);
  if (after == kDead) return out;
  // A byte of the prefix gets a class of its own, since the others of its class do not belong there.
  std::vector<std::size_t> old_class(static_cast<std::size_t>(class_count_));
  for (std::size_t c = 0; c < old_class.size(); ++c) old_class[c] = c;
  std::array<bool, 256> seen{};
  for (const char byte : prefix) {
    const auto value = static_cast<unsigned char>(byte);
    const auto alike = std::count(class_of_.begin(), class_of_.end(), class_of_[value]);
    if (std::exchange(seen[value], true) || alike == 1) continue;
    old_class.push_back(class_of_[value]);
    out.class_of_[value] = static_cast<std::uint8_t>(old_class.size() - 1);
  }
  const std::size_t classes = old_class.size();
  out.class_count_ = static_cast<std::int32_t>(classes);
  const auto shift = static_cast<State>(prefix.size());
  out.next_.assign((prefix.size() + 1) * classes, kDead);
  for (std::size_t i = 0; i < prefix.size(); ++i) {
    const std::size_t byte_class = out.class_of_[static_cast<unsigned char>(prefix[i])];
    const State to = i + 1 < prefix.size() ? static_cast<State>(i) + 2 : after + shift;
    out.next_[(i + 1) * classes + byte_class] = to;
  }
  out.accepting_.assign(prefix.size() + 1, 0);
  out.accepting_.insert(out.accepting_.end(), accepting_.begin() + 1, accepting_.end());
  const auto old_classes = static_cast<std::size_t>(class_count_);
  for (std::size_t state = 1; state < accepting_.size(); ++state) {
    for (const std::size_t c : old_class) {
      const State to = next_[state * old_classes + c];
      out.next_.push_back(to == kDead ? kDead : to + shift);
    }
  }
  return out;
}

}  // namespace fllm
