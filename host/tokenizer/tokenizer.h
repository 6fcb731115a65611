// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fundamentallm/options.h"

namespace fllm {

/// Text to token ids and back. Immutable after construction, so safe to share between threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  [[nodiscard]] virtual std::string description() const = 0;  // "character, 69 tokens"
  [[nodiscard]] virtual std::int32_t vocab_size() const = 0;

  /// No special token is added or parsed. Exception(kInvalidArgument) names the byte offset of invalid UTF-8.
  [[nodiscard]] virtual std::vector<TokenId> encode(std::string_view text) const = 0;
  /// The bytes a token adds to the output; empty for special tokens, except an unknown token that prints as text.
  /// Precondition: 0 <= id < vocab_size().
  [[nodiscard]] virtual std::string_view token_bytes(TokenId id) const = 0;
  /// The token for people and logs: its text, or the name of a special token ("<EOS>").
  [[nodiscard]] virtual std::string_view token_name(TokenId id) const = 0;
  [[nodiscard]] virtual bool is_special(TokenId id) const = 0;

  [[nodiscard]] virtual std::optional<TokenId> bos() const = 0;
  [[nodiscard]] virtual std::optional<TokenId> eos() const = 0;
  [[nodiscard]] virtual std::optional<TokenId> unknown() const = 0;
};

}  // namespace fllm
