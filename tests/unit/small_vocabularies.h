// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "host/tokenizer/byte_alphabet.h"
#include "host/tokenizer/token_vocabulary.h"
#include "host/tokenizer/tokenizer.h"
#include "host/tokenizer/utf8.h"

namespace fllm::test {

/// Of a long run. Quadratic work on it takes hours; the sanitizers' own slowness should not take a minute.
#ifdef FLLM_SANITIZED
inline constexpr std::size_t kLongBytes = std::size_t{1} << 16;
#else
inline constexpr std::size_t kLongBytes = std::size_t{1} << 20;
#endif

/// All bytes at their own ids, then what each merge makes, from 256 on.
inline TokenVocabulary byte_level_vocabulary(std::vector<std::pair<std::string, std::string>> merges) {
  TokenVocabulary vocabulary;
  for (int byte = 0; byte < 256; ++byte) {
    vocabulary.pieces.push_back(encode_code_point(byte_to_letter(static_cast<std::uint8_t>(byte))));
  }
  for (const auto& [left, right] : merges) {
    const std::string piece = left + right;
    bool known = false;
    for (const std::string& other : vocabulary.pieces) known = known || other == piece;
    if (!known) vocabulary.pieces.push_back(piece);
  }
  vocabulary.kinds.assign(vocabulary.pieces.size(), TokenKind::kNormal);
  vocabulary.merges = std::move(merges);
  return vocabulary;
}

inline void add_token(TokenVocabulary& vocabulary, const std::string& piece, TokenKind kind, float score = 0) {
  vocabulary.pieces.push_back(piece);
  vocabulary.kinds.push_back(kind);
  vocabulary.scores.push_back(score);
}

inline std::string joined_bytes(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  std::string bytes;
  for (const TokenId id : ids) bytes += tokenizer.token_bytes(id);
  return bytes;
}

/// Up to count code points: letters, white space, controls, digits, other scripts, emoji; never U+2581.
inline std::string random_utf8(std::mt19937& random, unsigned count) {
  static constexpr char32_t kBegins[] = {0,     0x20,  0x20,   0x61,   0x30,    0x80,
                                         0x370, 0x660, 0x2000, 0x4e00, 0x1f600, 0x10fff0};
  std::string text;
  for (unsigned i = random() % (count + 1); i > 0; --i)
    text += encode_code_point(kBegins[random() % 12] + random() % 16);
  return text;
}

}  // namespace fllm::test
