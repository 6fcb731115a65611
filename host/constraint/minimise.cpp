// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/minimise.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <utility>

namespace fllm {
namespace {

using Index = std::int32_t;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

/// Elements 0..n-1 in sets that can be split by marking some elements of each.
class Refinement {
 public:
  explicit Refinement(Index count) : elements_(at(count)), place_(at(count)), set_of_(at(count), 0) {
    std::iota(elements_.begin(), elements_.end(), 0);
    std::iota(place_.begin(), place_.end(), 0);
    if (count > 0) add_set(0, count);
  }
  /// Sets of the elements with equal keys, by ascending key.
  Refinement(Index count, std::span<const std::uint8_t> keys) : Refinement(count) {
    std::stable_sort(elements_.begin(), elements_.end(), [&](Index a, Index b) { return keys[at(a)] < keys[at(b)]; });
    first_.clear();
    last_.clear();
    marked_.clear();
    for (Index i = 0; i < count; ++i) {
      const Index element = elements_[at(i)];
      if (i == 0 || keys[at(element)] != keys[at(elements_[at(i - 1)])]) add_set(i, i);
      last_.back() = i + 1;
      set_of_[at(element)] = set_count() - 1;
      place_[at(element)] = i;
    }
  }

  [[nodiscard]] Index set_count() const { return static_cast<Index>(first_.size()); }
  [[nodiscard]] Index set_of(Index element) const { return set_of_[at(element)]; }
  [[nodiscard]] std::span<const Index> members(Index set) const {
    return std::span(elements_).subspan(at(first_[at(set)]), at(last_[at(set)] - first_[at(set)]));
  }

  void mark(Index element) {
    const Index set = set_of_[at(element)];
    const Index place = place_[at(element)], free = first_[at(set)] + marked_[at(set)];
    if (place < free) return;
    if (marked_[at(set)]++ == 0) touched_.push_back(set);
    std::swap(elements_[at(place)], elements_[at(free)]);
    place_[at(elements_[at(place)])] = place;
    place_[at(element)] = free;
  }

  /// Parts the marked elements from the others, the smaller part getting the new set.
  void split() {
    for (const Index set : touched_) {
      const Index middle = first_[at(set)] + std::exchange(marked_[at(set)], 0);
      if (middle == last_[at(set)]) continue;
      if (middle - first_[at(set)] <= last_[at(set)] - middle) {
        const Index first = std::exchange(first_[at(set)], middle);
        add_set(first, middle);
      } else {
        const Index last = std::exchange(last_[at(set)], middle);
        add_set(middle, last);
      }
      for (const Index element : members(set_count() - 1)) set_of_[at(element)] = set_count() - 1;
    }
    touched_.clear();
  }

 private:
  void add_set(Index first, Index last) {
    first_.push_back(first);
    last_.push_back(last);
    marked_.push_back(0);
  }

  std::vector<Index> elements_, place_, set_of_;
  std::vector<Index> first_, last_, marked_;  // [sets]: members are elements_[first..last), the marked ones in front
  std::vector<Index> touched_;
};

/// Transitions by the state they lead to.
class Incoming {
 public:
  Incoming(std::span<const TransitionList::Transition> transitions, Index state_count)
      : first_(at(state_count) + 1, 0), ids_(transitions.size()) {
    for (const auto& transition : transitions) ++first_[at(transition.to) + 1];
    std::partial_sum(first_.begin(), first_.end(), first_.begin());
    std::vector<std::size_t> free(first_.begin(), first_.end() - 1);
    for (std::size_t i = 0; i < transitions.size(); ++i) {
      ids_[free[at(transitions[i].to)]++] = static_cast<Index>(i);
    }
  }
  [[nodiscard]] std::span<const Index> of(Index state) const {
    return std::span(ids_).subspan(first_[at(state)], first_[at(state) + 1] - first_[at(state)]);
  }

 private:
  std::vector<std::size_t> first_;
  std::vector<Index> ids_;
};

std::vector<std::uint8_t> can_accept(const TransitionList& automaton, const Incoming& incoming) {
  std::vector<std::uint8_t> useful = automaton.accepting;
  std::vector<Index> open;
  for (Index state = 0; state < automaton.state_count; ++state) {
    if (useful[at(state)] != 0) open.push_back(state);
  }
  while (!open.empty()) {
    const Index state = open.back();
    open.pop_back();
    for (const Index id : incoming.of(state)) {
      const Index from = automaton.transitions[at(id)].from;
      if (std::exchange(useful[at(from)], std::uint8_t{1}) == 0) open.push_back(from);
    }
  }
  return useful;
}

}  // namespace

StateBlocks equal_states(const TransitionList& automaton, CompileBudget& budget) {
  const Index states = automaton.state_count;
  std::vector<TransitionList::Transition> transitions;
  std::vector<std::uint8_t> useful;
  {
    const Incoming incoming(automaton.transitions, states);
    useful = can_accept(automaton, incoming);
  }
  budget.take_steps(automaton.transitions.size() * 2 + at(states));
  for (const auto& transition : automaton.transitions) {
    if (useful[at(transition.to)] != 0) transitions.push_back(transition);
  }
  const Incoming incoming(transitions, states);

  // Blocks of states begin as: accepts nothing, only later, now.
  std::vector<std::uint8_t> kind(at(states));
  for (Index state = 0; state < states; ++state) {
    kind[at(state)] = static_cast<std::uint8_t>(useful[at(state)] + automaton.accepting[at(state)]);
  }
  Refinement blocks(states, kind);
  std::vector<std::uint8_t> classes(transitions.size());
  for (std::size_t i = 0; i < transitions.size(); ++i) classes[i] = transitions[i].byte_class;
  // Splitters: transitions of one class into one block.
  Refinement splitters(static_cast<Index>(transitions.size()), classes);
  for (Index block = 0, splitter = 0;;) {
    for (; block < blocks.set_count(); ++block) {
      for (const Index state : blocks.members(block)) {
        budget.take_steps(incoming.of(state).size() + 1);
        for (const Index id : incoming.of(state)) splitters.mark(id);
      }
      splitters.split();
    }
    if (splitter == splitters.set_count()) break;
    budget.take_steps(splitters.members(splitter).size());
    for (const Index id : splitters.members(splitter)) blocks.mark(transitions[at(id)].from);
    blocks.split();
    ++splitter;
  }

  StateBlocks out;
  out.block_of.resize(at(states));
  std::vector<Index> number(at(blocks.set_count()), -1);
  for (Index state = 0; state < states; ++state) {
    Index& block = number[at(blocks.set_of(state))];
    if (useful[at(state)] != 0 && block < 0) block = out.block_count++;
    out.block_of[at(state)] = block;
  }
  return out;
}

}  // namespace fllm
