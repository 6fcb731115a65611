// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <vector>

#include "host/constraint/byte_dfa.h"

namespace fllm {

/// ASCII characters, as a set.
using AsciiSet = std::bitset<128>;

/// Whether a token is likely to end where the text in front of it stops being known: tokens that go on take fewer than half of the
/// characters that may follow.
[[nodiscard]] inline bool likely_ends(const AsciiSet& may_follow, const AsciiSet& in_longer_tokens) {
  return 2 * (may_follow & in_longer_tokens).count() < may_follow.count() || may_follow.none();
}

/// Guesses how texts of an automaton go on, byte by byte: the byte that alone may come; between blanks and one other byte the
/// other one; but behind ':' and ',' a space, where it may come. So JSON is laid out as most of it is. Immutable.
class LikelyText {
 public:
  explicit LikelyText(const ByteDfa& dfa);

  /// None: several may come, or the text may end. Precondition: the state is one of the automaton's, and not kDead.
  [[nodiscard]] std::optional<char> next(ByteDfa::State state) const {
    const std::int16_t byte = next_[static_cast<std::size_t>(state)];
    return byte >= 0 ? std::optional(static_cast<char>(byte)) : std::nullopt;
  }

 private:
  static constexpr std::int16_t kSeveral = -1;
  std::vector<std::int16_t> next_;  // [states]
};

/// ASCII characters that may come in a state.
[[nodiscard]] AsciiSet ascii_behind(const ByteDfa& dfa, ByteDfa::State state);

}  // namespace fllm
