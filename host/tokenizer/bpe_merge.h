// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "fundamentallm/options.h"

namespace fllm {

inline constexpr TokenId kNoToken = -1;
inline constexpr std::uint32_t kNoSymbol = 0xffffffff;

/// A stretch of the text that is being merged. Symbols lie in the order of the text; one that was merged into its left
/// neighbour has size 0.
struct BpeSymbol {
  std::uint32_t begin = 0;  // bytes
  std::uint32_t size = 0;   // bytes
  TokenId id = kNoToken;
  std::uint32_t previous = kNoSymbol;
  std::uint32_t next = kNoSymbol;
};

/// What two neighbours become, and when: lower orders first, the leftmost among equals.
struct BpeMerge {
  std::uint32_t order = 0;
  TokenId id = kNoToken;
};

/// Byte pair merging with a heap: O(n log n) for n symbols, also where they are one long run.
class BpeMerger {
 public:
  void clear() { symbols_.clear(); }
  void append(std::uint32_t begin, std::uint32_t size, TokenId id) {
    const auto index = static_cast<std::uint32_t>(symbols_.size());
    if (index > 0) symbols_.back().next = index;
    symbols_.push_back({begin, size, id, index > 0 ? index - 1 : kNoSymbol, kNoSymbol});
  }

  /// Merges neighbours until find(left, right), of two symbols, gives no std::optional<BpeMerge> any more.
  template <class Find>
  void merge(const Find& find) {
    heap_.clear();
    for (std::uint32_t left = 0; left + 1 < symbols_.size(); ++left) push(left, find);
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
      const Candidate top = heap_.back();
      heap_.pop_back();
      const auto left_index = static_cast<std::uint32_t>(top.order_and_left & kNoSymbol);
      BpeSymbol& left = symbols_[left_index];
      // Borders only vanish, so the sizes tell whether both sides are still what they were.
      if (left.size != top.left_size || left.next == kNoSymbol) continue;
      BpeSymbol& right = symbols_[left.next];
      if (right.size != top.right_size) continue;

      left.size += right.size;
      left.id = top.id;
      left.next = right.next;
      right.size = 0;
      if (left.next != kNoSymbol) symbols_[left.next].previous = left_index;
      if (left.previous != kNoSymbol) push(left.previous, find);
      push(left_index, find);
    }
  }

  /// Calls take(symbol) for each that is left, in the order of the text.
  template <class Take>
  void for_each(const Take& take) const {
    for (const BpeSymbol& symbol : symbols_) {
      if (symbol.size != 0) take(symbol);
    }
  }

 private:
  struct Candidate {
    std::uint64_t order_and_left = 0;
    std::uint32_t left_size = 0, right_size = 0;
    TokenId id = kNoToken;
    bool operator>(const Candidate& other) const { return order_and_left > other.order_and_left; }
  };

  template <class Find>
  void push(std::uint32_t left_index, const Find& find) {
    const BpeSymbol& left = symbols_[left_index];
    if (left.next == kNoSymbol) return;
    const BpeSymbol& right = symbols_[left.next];
    const std::optional<BpeMerge> merge = find(left, right);
    if (!merge) return;
    heap_.push_back({(std::uint64_t{merge->order} << 32) | left_index, left.size, right.size, merge->id});
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  }

  std::vector<BpeSymbol> symbols_;
  std::vector<Candidate> heap_;
};

}  // namespace fllm
