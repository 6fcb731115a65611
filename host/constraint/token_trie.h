// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "host/constraint/token_index.h"

namespace fllm {

/// The tokens of a vocabulary by their bytes, parents before children, so that a walk over all of them is one pass over
/// an array that skips what a byte rules out. Tokens without text are not in it. Immutable.
class TokenTrie {
 public:
  struct Node {
    std::uint8_t byte = 0;
    std::uint16_t depth = 0;       // bytes to the node, this one included
    std::int32_t behind = 0;       // the node after all that begin with it
    std::int32_t first_token = 0;  // of those that end here, and then of those below
    std::int32_t token_count = 0;
  };

  /// Exception(kUnsupported): a token of 65,536 bytes or more.
  explicit TokenTrie(const TokenIndex& tokens);

  [[nodiscard]] std::span<const Node> nodes() const { return nodes_; }
  [[nodiscard]] std::span<const TokenId> tokens_of(const Node& node) const {
    return std::span(tokens_).subspan(static_cast<std::size_t>(node.first_token),
                                      static_cast<std::size_t>(node.token_count));
  }
  /// Of all tokens that begin with the bytes of a node, its own first.
  [[nodiscard]] std::span<const TokenId> tokens_from(const Node& node) const {
    const auto end = static_cast<std::size_t>(node.behind) == nodes_.size()
                         ? tokens_.size()
                         : static_cast<std::size_t>(nodes_[static_cast<std::size_t>(node.behind)].first_token);
    const auto begin = static_cast<std::size_t>(node.first_token);
    return std::span(tokens_).subspan(begin, end - begin);
  }
  /// The node a byte behind one (null: the root); null: no token goes on like this.
  [[nodiscard]] const Node* child(const Node* node, char byte) const;
  /// The bytes by which tokens go on behind a node, ascending: visit(byte).
  template <class Visit>
  void visit_next_bytes(const Node& node, const Visit& visit) const {
    for (std::size_t at = place_of(node) + 1; std::cmp_less(at, node.behind);) {
      visit(nodes_[at].byte);
      at = static_cast<std::size_t>(nodes_[at].behind);
    }
  }
  /// Of bytes; null likewise.
  [[nodiscard]] const Node* find(std::string_view bytes) const;
  [[nodiscard]] std::int32_t max_depth() const { return max_depth_; }
  [[nodiscard]] std::int32_t vocab_size() const { return vocab_size_; }

 private:
  [[nodiscard]] std::size_t place_of(const Node& node) const { return static_cast<std::size_t>(&node - nodes_.data()); }

  std::vector<Node> nodes_;
  std::vector<TokenId> tokens_;
  std::int32_t max_depth_ = 0, vocab_size_ = 0;
};

}  // namespace fllm
