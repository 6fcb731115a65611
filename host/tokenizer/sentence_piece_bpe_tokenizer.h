// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "host/tokenizer/merge_table.h"
#include "host/tokenizer/piece_tokenizer.h"

namespace fllm {

/// SentencePiece's BPE (Llama 1 and 2, TinyLlama, llama2.c): spaces become U+2581, then the neighbours that together
/// are the piece with the best score merge first, starting from characters. A character that is no piece becomes the
/// tokens of its bytes (<0xE2>), or one unknown token with its neighbours of that sort where a byte has none.
///
/// With add_space_prefix a space is put before the text and, as in llama.cpp and not in all of Hugging Face's
/// configurations, before what follows a special token. The text of an encoded text's tokens is the text, except for
/// that prefix, for U+2581, which comes back as a space, and for unknown characters.
///
/// A vocabulary with merges instead of scores (tokenizer.json) merges by their rank.
class SentencePieceBpeTokenizer final : public PieceTokenizer {
 public:
  /// Exception(kBadFormat) names source and lists what is wrong with the vocabulary.
  SentencePieceBpeTokenizer(TokenVocabulary vocabulary, const std::string& source);
  // Look-ups view this object's own bytes.
  SentencePieceBpeTokenizer(const SentencePieceBpeTokenizer&) = delete;
  SentencePieceBpeTokenizer& operator=(const SentencePieceBpeTokenizer&) = delete;

  [[nodiscard]] std::string description() const override;  // "SentencePiece BPE, 32000 tokens"

 protected:
  /// Exception(kInvalidArgument): an unknown character, where the vocabulary has neither its bytes nor an unknown
  /// token.
  void append_text(std::string_view text, std::vector<TokenId>& ids) const override;

 private:
  SentencePieceBpeTokenizer(TokenVocabulary vocabulary, FileProblems problems);
  void read_piece(TokenId id, FileProblems& problems);
  [[nodiscard]] TokenId id_of(std::string_view text) const;
  void append_unknown(std::string_view character, bool after_unknown, std::vector<TokenId>& ids) const;
  [[nodiscard]] bool has_bytes(std::string_view character) const;

  std::unordered_map<std::string_view, TokenId> ids_;  // normal pieces
  std::size_t longest_piece_ = 0;                      // bytes
  std::vector<std::uint32_t> orders_;                  // [vocab], by score: the best first
  std::array<TokenId, 256> byte_ids_{};                // kNoToken: no such piece
  MergeTable merges_;
  bool by_rank_ = false;
};

}  // namespace fllm
