// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
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
    std::int32_t first_token = 0;  // in tokens(): of those that end here
    std::int32_t token_count = 0;
  };

  /// Exception(kUnsupported): a token of 65,536 bytes or more.
  explicit TokenTrie(const TokenIndex& tokens);

  [[nodiscard]] std::span<const Node> nodes() const { return nodes_; }
  [[nodiscard]] std::span<const TokenId> tokens_of(const Node& node) const {
    return std::span(tokens_).subspan(static_cast<std::size_t>(node.first_token),
                                      static_cast<std::size_t>(node.token_count));
  }
  [[nodiscard]] std::int32_t max_depth() const { return max_depth_; }
  [[nodiscard]] std::int32_t vocab_size() const { return vocab_size_; }

 private:
  std::vector<Node> nodes_;
  std::vector<TokenId> tokens_;
  std::int32_t max_depth_ = 0, vocab_size_ = 0;
};

}  // namespace fllm
