// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/minimise.h"

#include <cstddef>
#include <span>
#include <utility>

#include "host/constraint/refinement.h"

namespace fllm {
namespace {

using Index = Refinement::Index;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

std::vector<Index> targets_of(std::span<const TransitionList::Transition> transitions) {
  std::vector<Index> to;
  to.reserve(transitions.size());
  for (const auto& transition : transitions) to.push_back(transition.to);
  return to;
}

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
    const Incoming incoming(targets_of(automaton.transitions), states);
    useful = can_accept(automaton, incoming);
  }
  budget.take_steps(automaton.transitions.size() * 2 + at(states));
  for (const auto& transition : automaton.transitions) {
    if (useful[at(transition.to)] != 0) transitions.push_back(transition);
  }
  const Incoming incoming(targets_of(transitions), states);

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
