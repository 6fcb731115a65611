// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fundamentallm/options.h"

namespace fllm {

/// A stretch of a prompt. Texts of control tokens mean these tokens only where control is true: a chat template's own
/// text, never what a user wrote.
struct TextSegment {
  std::string text;  // UTF-8
  bool control = false;
};

/// Text to token ids and back. Immutable after construction, so safe to share between threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  [[nodiscard]] virtual std::string description() const = 0;  // "character, 69 tokens"
  [[nodiscard]] virtual std::int32_t vocab_size() const = 0;

  /// No special token is added or parsed. Exception(kInvalidArgument) names the byte offset of invalid UTF-8.
  [[nodiscard]] virtual std::vector<TokenId> encode(std::string_view text) const = 0;
  /// As encode, but texts of control tokens ("<|im_end|>") become these tokens; the longest wins. No bos is added.
  [[nodiscard]] virtual std::vector<TokenId> encode_with_special(std::string_view text) const { return encode(text); }
  /// The segments as one text, so that tokens may reach over their borders; see TextSegment. Errors as of encode, with
  /// offsets in the joined text.
  [[nodiscard]] virtual std::vector<TokenId> encode_segments(const std::vector<TextSegment>& segments) const {
    std::string text;
    for (const TextSegment& segment : segments) text += segment.text;
    return encode(text);
  }

  /// The bytes a token adds to the output; empty for special tokens, except an unknown token that prints as text. Not
  /// always whole characters. Precondition: 0 <= id < vocab_size().
  [[nodiscard]] virtual std::string_view token_bytes(TokenId id) const = 0;
  /// The token for people and logs, in UTF-8: its text, or the name of a special token ("<EOS>").
  [[nodiscard]] virtual std::string_view token_name(TokenId id) const = 0;
  [[nodiscard]] virtual bool is_special(TokenId id) const = 0;

  [[nodiscard]] virtual std::optional<TokenId> bos() const = 0;
  [[nodiscard]] virtual std::optional<TokenId> eos() const = 0;
  [[nodiscard]] virtual std::optional<TokenId> unknown() const = 0;
  /// All ids that end a text: eos, and end-of-turn where there is one. Ascending.
  [[nodiscard]] virtual std::vector<TokenId> end_ids() const {
    const std::optional<TokenId> end = eos();
    return end ? std::vector<TokenId>{*end} : std::vector<TokenId>{};
  }
  /// Whether the model expects bos before a prompt that is plain text.
  [[nodiscard]] virtual bool add_bos() const { return false; }
};

}  // namespace fllm
