// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "host/tokenizer/merge_table.h"
#include "host/tokenizer/piece_tokenizer.h"
#include "host/tokenizer/pre_tokenizer.h"

namespace fllm {

/// GPT-2's kind of tokenizer (also Llama 3's, Qwen 2's, SmolLM's): a regular expression cuts the text into pieces; in
/// each the neighbours with the lowest rank merge first, starting from bytes.
///
/// A byte without a token of its own becomes the unknown token where the vocabulary has a token of that kind, and is
/// dropped where it has none, as Hugging Face's and llama.cpp's tokenizers do: SmolLM2's vocabulary lacks six control
/// characters. Where all bytes have tokens, the bytes of an encoded text's tokens are the text.
/// The text is not normalised, also where tokenizer.json asks for NFC (Qwen 2), as llama.cpp does not.
class ByteLevelBpeTokenizer final : public PieceTokenizer {
 public:
  /// Exception(kBadFormat) names source and lists what is wrong with the vocabulary.
  ByteLevelBpeTokenizer(TokenVocabulary vocabulary, const std::string& source);

  [[nodiscard]] std::string description() const override;  // "byte-level BPE (llama3), 128256 tokens"

 protected:
  void append_text(std::string_view text, std::vector<TokenId>& ids) const override;

 private:
  ByteLevelBpeTokenizer(TokenVocabulary vocabulary, FileProblems problems);
  void append_piece(std::string_view piece, BpeMerger& merger, std::vector<TokenId>& ids) const;

  PreTokenSplitter splitter_;
  std::array<TokenId, 256> byte_ids_{};  // kNoToken: dropped
  MergeTable merges_;
  std::unordered_map<std::string_view, TokenId> whole_;  // bytes -> id, where a piece is looked up before merging
};

}  // namespace fllm
