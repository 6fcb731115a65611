// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fundamentallm/options.h"

namespace fllm {

/// The bytes of every token, and the tokens by their first byte. Immutable, so safe to share between threads.
class TokenIndex {
 public:
  /// token_bytes[id]: what the token adds to the output; empty for tokens without text.
  explicit TokenIndex(std::vector<std::string> token_bytes);

  [[nodiscard]] std::int32_t size() const { return static_cast<std::int32_t>(bytes_.size()); }
  [[nodiscard]] std::string_view bytes(TokenId id) const { return bytes_[static_cast<std::size_t>(id)]; }
  /// Ids ascending.
  [[nodiscard]] std::span<const TokenId> starting_with(char byte) const {
    return by_first_byte_[static_cast<unsigned char>(byte)];
  }

 private:
  std::vector<std::string> bytes_;
  std::array<std::vector<TokenId>, 256> by_first_byte_;
};

}  // namespace fllm
