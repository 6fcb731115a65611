// SPDX-License-Identifier: Apache-2.0
#include "host/tokenizer/llama2c_vocabulary.h"

#include <fmt/core.h>

#include <cmath>

#include "host/util/bad_file.h"
#include "host/util/byte_reader.h"
#include "host/util/quoted_text.h"
#include "host/util/read_file.h"

namespace fllm {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{64} << 20;
constexpr TokenId kUnknown = 0, kBegin = 1, kEnd = 2;

std::string with_marked_spaces(std::string_view text) {
  std::string piece;
  for (const char c : text) {
    if (c == ' ') {
      piece += "\u2581";
    } else {
      piece += c;
    }
  }
  return piece;
}

/// "<0x0A>"
bool is_byte_piece(std::string_view piece) {
  return piece.size() == 6 && piece.starts_with("<0x") && piece.ends_with('>') &&
         piece.substr(3, 2).find_first_not_of("0123456789ABCDEF") == std::string_view::npos;
}

void name_special_pieces(TokenVocabulary& vocabulary, const std::string& source) {
  // tokenizer.py puts line feeds around the names of the last two.
  constexpr std::string_view kNames[] = {"<unk>", "\n<s>\n", "\n</s>\n"};
  constexpr std::string_view kPlain[] = {"<unk>", "<s>", "</s>"};
  constexpr TokenKind kKinds[] = {TokenKind::kUnknown, TokenKind::kControl, TokenKind::kControl};
  for (std::size_t id = 0; id < 3; ++id) {
    std::string& piece = vocabulary.pieces[id];
    if (piece != kNames[id] && piece != kPlain[id]) {
      bad_file(source, fmt::format("piece {}: {}: must be {}", id, quoted_text(piece), kPlain[id]));
    }
    piece = kPlain[id];
    vocabulary.kinds[id] = kKinds[id];
  }
}

}  // namespace

TokenVocabulary parse_llama2c_vocabulary(std::span<const std::byte> bytes, const std::string& source) {
  ByteReader reader(bytes, source);
  const auto longest = reader.take<std::int32_t>("the length of the longest piece");
  if (longest < 1) bad_file(source, fmt::format("the longest piece has {} bytes: must be at least 1", longest));
  TokenVocabulary vocabulary;
  vocabulary.algorithm = TokenAlgorithm::kSentencePieceBpe;
  while (reader.left() > 0) {
    const std::size_t id = vocabulary.pieces.size();
    if (id == kMaxTokens) bad_file(source, fmt::format("more than {} pieces", kMaxTokens));
    const auto score = reader.take<float>("a score");
    const auto length = reader.take<std::int32_t>("the length of a piece");
    if (std::isnan(score)) bad_file(source, fmt::format("piece {}: its score is not a number", id));
    if (length < 1 || length > longest) {
      bad_file(source, fmt::format("piece {}: {} bytes: must have 1 to {}", id, length, longest));
    }
    const auto text = reader.take_bytes(static_cast<std::uint64_t>(length), "a piece");
    vocabulary.pieces.push_back(with_marked_spaces({reinterpret_cast<const char*>(text.data()), text.size()}));
    vocabulary.kinds.push_back(is_byte_piece(vocabulary.pieces.back()) ? TokenKind::kByte : TokenKind::kNormal);
    vocabulary.scores.push_back(score);
  }
  if (vocabulary.pieces.size() < 3) {
    bad_file(source, fmt::format("{} pieces: must begin with <unk>, <s>, </s>", vocabulary.pieces.size()));
  }
  name_special_pieces(vocabulary, source);
  vocabulary.bos = kBegin;
  vocabulary.eos = kEnd;
  vocabulary.unknown = kUnknown;
  vocabulary.end_ids = {kBegin, kEnd};
  vocabulary.add_bos = true;
  vocabulary.add_space_prefix = true;
  return vocabulary;
}

TokenVocabulary read_llama2c_vocabulary(const std::string& path) {
  const std::string content = read_file(path, kMaxBytes);
  return parse_llama2c_vocabulary(std::as_bytes(std::span(content)), path);
}

}  // namespace fllm
