// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "host/tokenizer/tokenizer.h"
#include "host/tokenizer/tokenizer_file.h"

namespace fllm {

/// FundamentaLLM's tokenizer: one code point is one token; characters outside the vocabulary become <UNK>.
/// In the output <PAD>, <BOS> and <EOS> have no bytes; any other special token, <UNK> too, prints its own name.
class CharacterTokenizer final : public Tokenizer {
 public:
  explicit CharacterTokenizer(CharacterVocabulary vocabulary);

  [[nodiscard]] std::string description() const override;
  [[nodiscard]] std::int32_t vocab_size() const override { return static_cast<std::int32_t>(tokens_.size()); }
  /// Exception(kInvalidArgument): invalid UTF-8, or an unknown character where the vocabulary has no <UNK>.
  [[nodiscard]] std::vector<TokenId> encode(std::string_view text) const override;
  [[nodiscard]] std::string_view token_bytes(TokenId id) const override;
  [[nodiscard]] std::string_view token_name(TokenId id) const override { return token(id).text; }
  [[nodiscard]] bool is_special(TokenId id) const override { return token(id).special; }
  [[nodiscard]] std::optional<TokenId> bos() const override { return bos_; }
  [[nodiscard]] std::optional<TokenId> eos() const override { return eos_; }
  [[nodiscard]] std::optional<TokenId> unknown() const override { return unknown_; }

 private:
  [[nodiscard]] const CharacterToken& token(TokenId id) const { return tokens_[static_cast<std::size_t>(id)]; }

  std::vector<CharacterToken> tokens_;  // [vocab]
  std::unordered_map<char32_t, TokenId> ids_;
  std::optional<TokenId> pad_, bos_, eos_, unknown_;
};

}  // namespace fllm
