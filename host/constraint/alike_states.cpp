// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/alike_states.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace fllm {

AlikeStates::AlikeStates(const ByteDfa& dfa, std::span<const std::uint8_t> kinds, std::int32_t bytes)
    : classes_(dfa.class_count()),
      rounds_left_(bytes),
      incoming_(dfa.next(), dfa.state_count(), ByteDfa::kDead),
      sets_(dfa.state_count(), kinds),
      by_class_(static_cast<std::size_t>(classes_)) {}

std::int64_t AlikeStates::refine() {
  std::vector<ByteDfa::State> parted;  // as they are now: the sets are parted further meanwhile
  std::vector<std::size_t> sizes;
  for (; parted_from_ < sets_.set_count(); ++parted_from_) {
    const auto members = sets_.members(parted_from_);
    parted.insert(parted.end(), members.begin(), members.end());
    sizes.push_back(members.size());
  }
  std::int64_t looked_at = 0;
  std::span<const ByteDfa::State> left(parted);
  for (const std::size_t size : sizes) {
    looked_at += part_by(left.first(size));
    left = left.subspan(size);
  }
  --rounds_left_;
  return looked_at;
}

std::int64_t AlikeStates::part_by(std::span<const ByteDfa::State> states) {
  auto looked_at = static_cast<std::int64_t>(states.size());
  std::vector<std::int32_t> met;
  for (const ByteDfa::State state : states) {
    for (const std::int32_t transition : incoming_.of(state)) {
      auto& from = by_class_[static_cast<std::size_t>(transition % classes_)];
      if (from.empty()) met.push_back(transition % classes_);
      from.push_back(transition / classes_);
      ++looked_at;
    }
  }
  for (const std::int32_t byte_class : met) {
    auto& from = by_class_[static_cast<std::size_t>(byte_class)];
    for (const ByteDfa::State state : from) sets_.mark(state);
    sets_.split();
    from.clear();
  }
  return looked_at;
}

std::vector<ByteDfa::State> AlikeStates::first_alike() const {
  std::vector<ByteDfa::State> first(static_cast<std::size_t>(sets_.element_count()));
  for (std::int32_t set = 0; set < sets_.set_count(); ++set) {
    const auto members = sets_.members(set);
    const ByteDfa::State least = *std::ranges::min_element(members);
    for (const ByteDfa::State state : members) first[static_cast<std::size_t>(state)] = least;
  }
  return first;
}

}  // namespace fllm
