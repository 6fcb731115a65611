// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fundamentallm/options.h"

namespace fllm {

inline constexpr std::size_t kMaxTokens = std::size_t{1} << 20;  // of a vocabulary, whatever its file
inline constexpr const char* kSpaceMark = "\u2581";              // what SentencePiece writes for a space

enum class TokenAlgorithm : std::uint8_t { kByteLevelBpe, kSentencePieceBpe };
enum class PreTokenizer : std::uint8_t { kGpt2, kLlama3, kQwen2, kSmolLm, kDefault };
enum class TokenKind : std::uint8_t { kNormal, kUnknown, kControl, kUserDefined, kUnused, kByte };

/// What a file (GGUF, tokenizer.json, llama2.c's tokenizer.bin) says of its tokenizer, checked, in one form for all.
struct TokenVocabulary {
  TokenAlgorithm algorithm = TokenAlgorithm::kByteLevelBpe;
  PreTokenizer pre_tokenizer = PreTokenizer::kGpt2;  // of byte-level BPE
  std::vector<std::string> pieces;  // [vocab], as the file spells them: byte-level BPE's own alphabet, or with U+2581
  std::vector<TokenKind> kinds;     // [vocab]
  std::vector<float> scores;        // [vocab], of SentencePiece-BPE: the best adjacent pair merges first
  std::vector<std::pair<std::string, std::string>> merges;  // by rank, of byte-level BPE
  std::optional<TokenId> bos, eos, unknown, pad;
  std::vector<TokenId> end_ids;   // all ids that end a text: eos, and end-of-turn where the file names one
  bool add_bos = false;           // the model expects bos before a prompt
  bool add_space_prefix = false;  // of SentencePiece: a space is put before the text
  bool ignore_merges = false;     // a pre-token that is a piece is taken whole, before any merge (Llama 3)
};

}  // namespace fllm
