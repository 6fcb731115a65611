// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/token_trie.h"

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>

#include "fundamentallm/result.h"

namespace fllm {

TokenTrie::TokenTrie(const TokenIndex& tokens) : vocab_size_(tokens.size()) {
  for (TokenId id = 0; id < tokens.size(); ++id) {
    if (tokens.bytes(id).empty()) continue;
    if (tokens.bytes(id).size() > std::numeric_limits<std::uint16_t>::max()) {
      throw Exception(ErrorCode::kUnsupported, "token " + std::to_string(id) + " has " +
                                                   std::to_string(tokens.bytes(id).size()) +
                                                   " bytes: constraints, prefixes and banned text allow at most 65535");
    }
    tokens_.push_back(id);
  }
  std::sort(tokens_.begin(), tokens_.end(), [&](TokenId a, TokenId b) {
    const int order = tokens.bytes(a).compare(tokens.bytes(b));
    return order != 0 ? order < 0 : a < b;
  });
  std::vector<std::int32_t> open;  // nodes of the token before, by depth
  std::string_view before;
  const auto close = [&](std::size_t depth) {
    for (; open.size() > depth; open.pop_back()) {
      nodes_[static_cast<std::size_t>(open.back())].behind = static_cast<std::int32_t>(nodes_.size());
    }
  };
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    const std::string_view bytes = tokens.bytes(tokens_[i]);
    const auto shared = std::mismatch(bytes.begin(), bytes.end(), before.begin(), before.end()).first - bytes.begin();
    close(static_cast<std::size_t>(shared));
    for (std::size_t at = static_cast<std::size_t>(shared); at < bytes.size(); ++at) {
      open.push_back(static_cast<std::int32_t>(nodes_.size()));
      nodes_.push_back({static_cast<std::uint8_t>(bytes[at]), static_cast<std::uint16_t>(at + 1), 0,
                        static_cast<std::int32_t>(i), 0});
    }
    Node& last = nodes_[static_cast<std::size_t>(open.back())];
    if (last.token_count++ == 0) last.first_token = static_cast<std::int32_t>(i);
    max_depth_ = std::max(max_depth_, static_cast<std::int32_t>(bytes.size()));
    before = bytes;
  }
  close(0);
}

const TokenTrie::Node* TokenTrie::child(const Node* node, char byte) const {
  std::size_t at = node == nullptr ? 0 : place_of(*node) + 1;
  const std::size_t behind = node == nullptr ? nodes_.size() : static_cast<std::size_t>(node->behind);
  while (at < behind && nodes_[at].byte != static_cast<unsigned char>(byte)) {
    at = static_cast<std::size_t>(nodes_[at].behind);
  }
  return at < behind ? &nodes_[at] : nullptr;
}

const TokenTrie::Node* TokenTrie::find(std::string_view bytes) const {
  const Node* node = nullptr;
  for (const char byte : bytes) {
    node = child(node, byte);
    if (node == nullptr) break;
  }
  return node;
}

}  // namespace fllm
