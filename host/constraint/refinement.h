// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

// What the algorithms that tell states of automata apart work on.
namespace fllm {

/// Elements 0..n-1 in sets that can be split by marking some elements of each.
class Refinement {
 public:
  using Index = std::int32_t;

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

  [[nodiscard]] Index element_count() const { return static_cast<Index>(elements_.size()); }
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
  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }
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
  using Index = std::int32_t;

  /// to: states where transitions lead; those that lead to `nowhere` are left out.
  Incoming(std::span<const Index> to, Index state_count, Index nowhere = -1)
      : first_(static_cast<std::size_t>(state_count) + 1, 0) {
    for (const Index state : to) {
      if (state != nowhere) ++first_[static_cast<std::size_t>(state) + 1];
    }
    std::partial_sum(first_.begin(), first_.end(), first_.begin());
    ids_.resize(first_.back());
    std::vector<std::size_t> free(first_.begin(), first_.end() - 1);
    for (std::size_t i = 0; i < to.size(); ++i) {
      if (to[i] != nowhere) ids_[free[static_cast<std::size_t>(to[i])]++] = static_cast<Index>(i);
    }
  }
  /// Places in `to`, ascending.
  [[nodiscard]] std::span<const Index> of(Index state) const {
    const auto at = static_cast<std::size_t>(state);
    return std::span(ids_).subspan(first_[at], first_[at + 1] - first_[at]);
  }

 private:
  std::vector<std::size_t> first_;
  std::vector<Index> ids_;
};

}  // namespace fllm
