// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/byte_automaton.h"

#include <algorithm>

namespace fllm {

ByteAutomaton::ByteAutomaton(const std::vector<std::string>& patterns) {
  for (const std::string& pattern : patterns) {
    for (const char byte : pattern) {
      std::uint16_t& its_class = class_of_[static_cast<unsigned char>(byte)];
      if (its_class == 0) its_class = static_cast<std::uint16_t>(class_count_++);
    }
  }
  add_state(0);
  for (const std::string& pattern : patterns) {
    State state = kRoot;
    for (const char byte : pattern) {
      const std::size_t edge =
          static_cast<std::size_t>(state) * class_count_ + class_of_[static_cast<unsigned char>(byte)];
      if (next_[edge] == kRoot) {
        const State added = add_state(depth(state) + 1);
        next_[edge] = added;
      }
      state = next_[edge];
    }
    match_length_[static_cast<std::size_t>(state)] = depth(state);
  }

  // Breadth first: what a state falls back to is less deep, so its edges are complete when they are copied. In the trie an
  // edge to the root means "none", which is what an absent edge of the root itself must stay.
  shorter_.resize(depth_.size(), kRoot);
  std::vector<State> queue;
  queue.reserve(depth_.size());
  for (std::size_t its_class = 0; its_class < class_count_; ++its_class) {
    if (next_[its_class] != kRoot) queue.push_back(next_[its_class]);
  }
  for (std::size_t head = 0; head < queue.size(); ++head) {
    const auto state = static_cast<std::size_t>(queue[head]);
    const auto fallback = static_cast<std::size_t>(shorter_[state]);
    match_length_[state] = std::max(match_length_[state], match_length_[fallback]);
    for (std::size_t its_class = 0; its_class < class_count_; ++its_class) {
      State& edge = next_[state * class_count_ + its_class];
      const State shorter = next_[fallback * class_count_ + its_class];
      if (edge == kRoot) {
        edge = shorter;
      } else {
        shorter_[static_cast<std::size_t>(edge)] = shorter;
        queue.push_back(edge);
      }
    }
  }
}

ByteAutomaton::State ByteAutomaton::add_state(std::int32_t depth) {
  next_.insert(next_.end(), class_count_, kRoot);
  depth_.push_back(depth);
  match_length_.push_back(0);
  return state_count() - 1;
}

}  // namespace fllm
