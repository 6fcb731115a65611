// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/tokenizer/file_problems.h"
#include "host/tokenizer/special_tokens.h"
#include "host/tokenizer/token_vocabulary.h"
#include "host/tokenizer/tokenizer.h"

namespace fllm {

/// What the tokenizers of real models have in common. User-defined tokens are found by their text in every call, as
/// Hugging Face's and llama.cpp's tokenizers do; control tokens and the unknown token where the caller allows it.
/// Control, unknown and unused tokens have no bytes.
class PieceTokenizer : public Tokenizer {
 public:
  [[nodiscard]] std::int32_t vocab_size() const override { return static_cast<std::int32_t>(bytes_.size()); }
  /// Exception(kInvalidArgument): as of Tokenizer::encode, and texts from kMaxTextBytes on.
  [[nodiscard]] std::vector<TokenId> encode(std::string_view text) const override;
  [[nodiscard]] std::vector<TokenId> encode_with_special(std::string_view text) const override;
  [[nodiscard]] std::vector<TokenId> encode_segments(const std::vector<TextSegment>& segments) const override;

  [[nodiscard]] std::string_view token_bytes(TokenId id) const override { return bytes_[index(id)]; }
  /// The piece as its file spells it.
  [[nodiscard]] std::string_view token_name(TokenId id) const override { return vocabulary_.pieces[index(id)]; }
  [[nodiscard]] bool is_special(TokenId id) const override;
  [[nodiscard]] std::optional<TokenId> bos() const override { return vocabulary_.bos; }
  [[nodiscard]] std::optional<TokenId> eos() const override { return vocabulary_.eos; }
  [[nodiscard]] std::optional<TokenId> unknown() const override { return vocabulary_.unknown; }
  [[nodiscard]] std::vector<TokenId> end_ids() const override { return vocabulary_.end_ids; }
  [[nodiscard]] bool add_bos() const override { return vocabulary_.add_bos; }

  static constexpr std::size_t kMaxTextBytes = std::size_t{1} << 30;

 protected:
  /// Adds what is wrong with the vocabulary to problems, and refuses it where what follows needs it right: sizes that
  /// differ, ids outside it, pieces that are not UTF-8.
  PieceTokenizer(TokenVocabulary vocabulary, FileProblems& problems);

  /// The ids of a stretch between special tokens, appended. text is UTF-8 and not empty.
  virtual void append_text(std::string_view text, std::vector<TokenId>& ids) const = 0;

  [[nodiscard]] const TokenVocabulary& vocabulary() const { return vocabulary_; }
  void set_bytes(TokenId id, std::string bytes) { bytes_[index(id)] = std::move(bytes); }
  /// The merges are not needed once the tokenizer is made.
  void release_merges() { vocabulary_.merges = {}; }

 private:
  static std::size_t index(TokenId id) { return static_cast<std::size_t>(id); }
  [[nodiscard]] std::vector<TokenId> encode_ranges(std::string_view text, const std::vector<TextRange>& control) const;

  TokenVocabulary vocabulary_;
  std::vector<std::string> bytes_;  // [vocab]
  SpecialTokens special_;
};

}  // namespace fllm
