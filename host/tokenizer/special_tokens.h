// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fundamentallm/options.h"

namespace fllm {

struct TextRange {
  std::size_t begin = 0, end = 0;
};

/// A stretch of a text: a token that was recognised by its text, or what lies between such tokens.
struct TextPart {
  std::string_view text;
  std::optional<TokenId> id;
};

/// Finds tokens by their text: the leftmost first, the longest among those that begin together. Each byte of the text
/// is looked at up to kMaxBytes times.
class SpecialTokens {
 public:
  static constexpr std::size_t kMaxBytes = 512;  // of a token's text

  /// A token that is no control token is found everywhere. Precondition: 1 <= text.size() <= kMaxBytes; no text twice.
  void add(std::string_view text, TokenId id, bool control);
  /// The parts of text, none empty, in its order. Control tokens are found where they lie within one of the ranges,
  /// which are ascending and apart.
  [[nodiscard]] std::vector<TextPart> split(std::string_view text, const std::vector<TextRange>& control_ranges) const;

 private:
  struct Node {
    std::optional<TokenId> id;
    bool control = false;
  };
  struct Match {
    TokenId id = 0;
    std::size_t bytes = 0;
  };
  [[nodiscard]] std::optional<Match> longest(std::string_view text, std::size_t control_end) const;

  std::vector<Node> nodes_ = {{}};  // a tree of bytes, [0] its root
  std::unordered_map<std::uint64_t, std::uint32_t> edges_;
  std::bitset<256> first_bytes_;
};

}  // namespace fllm
