// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fundamentallm/options.h"

namespace fllm {

class TokenTrie;

/// The bytes of every token. Immutable, so safe to share between threads.
class TokenIndex {
 public:
  /// token_bytes[id]: what the token adds to the output; empty for tokens without text.
  explicit TokenIndex(std::vector<std::string> token_bytes) : bytes_(std::move(token_bytes)) {}

  [[nodiscard]] std::int32_t size() const { return static_cast<std::int32_t>(bytes_.size()); }
  [[nodiscard]] std::string_view bytes(TokenId id) const { return bytes_[static_cast<std::size_t>(id)]; }
  /// The tokens by their bytes, sorted when they are first asked for. Exception(kUnsupported): of TokenTrie.
  [[nodiscard]] std::shared_ptr<const TokenTrie> trie() const;

 private:
  std::vector<std::string> bytes_;
  mutable std::once_flag has_trie_;
  mutable std::shared_ptr<const TokenTrie> trie_;
};

}  // namespace fllm
