// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "host/constraint/compile_budget.h"
#include "host/constraint/expression.h"

namespace fllm {

/// The smallest deterministic automaton over bytes of a set of texts. Flat arrays, as a device would take them:
///
///     class_of[256]                     bytes that no state tells apart have one class
///     next[state_count, class_count]    state 0: no text goes on like this; every other state can still accept
///     accepting[state_count]            1: what was read is one of the texts
///
/// A step of a byte is next[state * class_count + class_of[byte]]. State 1 is the start, unless no text is accepted at
/// all; the others are numbered breadth first, so equal sets of texts give equal arrays. Immutable.
class ByteDfa {
 public:
  using State = std::int32_t;
  static constexpr State kDead = 0, kStart = 1;

  /// Exception(kInvalidArgument): a limit of the budget.
  [[nodiscard]] static ByteDfa compile(Expressions& expressions, ExprId root);

  [[nodiscard]] State next(State state, char byte) const {
    return next_[static_cast<std::size_t>(state) * static_cast<std::size_t>(class_count_) +
                 class_of_[static_cast<unsigned char>(byte)]];
  }
  [[nodiscard]] State walk(State state, std::string_view bytes) const {
    for (const char byte : bytes) state = next(state, byte);
    return state;
  }
  [[nodiscard]] bool accepts(State state) const { return accepting_[static_cast<std::size_t>(state)] != 0; }
  [[nodiscard]] bool matches(std::string_view text) const { return !is_empty() && accepts(walk(kStart, text)); }
  /// Whether no text is accepted.
  [[nodiscard]] bool is_empty() const { return state_count() == 1; }
  [[nodiscard]] State state_count() const { return static_cast<State>(accepting_.size()); }

  /// The texts that begin with these bytes. Their number of states is added; none is accepted where none begins so.
  [[nodiscard]] ByteDfa with_prefix(std::string_view prefix) const;

  [[nodiscard]] std::int32_t class_count() const { return class_count_; }
  [[nodiscard]] const std::array<std::uint8_t, 256>& class_of() const { return class_of_; }
  [[nodiscard]] const std::vector<State>& next() const { return next_; }
  [[nodiscard]] const std::vector<std::uint8_t>& accepting() const { return accepting_; }
  [[nodiscard]] std::size_t size_bytes() const { return next_.size() * sizeof(State) + accepting_.size(); }

 private:
  std::array<std::uint8_t, 256> class_of_{};
  std::int32_t class_count_ = 1;
  std::vector<State> next_;              // [states, classes]
  std::vector<std::uint8_t> accepting_;  // [states]
};

}  // namespace fllm
