// SPDX-License-Identifier: Apache-2.0
#include "host/tokenizer/piece_tokenizer.h"

#include <fmt/core.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "fundamentallm/result.h"
#include "host/tokenizer/utf8.h"
#include "host/util/quoted_text.h"

namespace fllm {
namespace {

bool is_utf8(std::string_view text) {
  std::size_t offset = 0;
  while (offset < text.size()) {
    const std::optional<CodePoint> character = decode_code_point(text, offset);
    if (!character) return false;
    offset += character->bytes;
  }
  return true;
}

void check_ids(const TokenVocabulary& vocabulary, FileProblems& problems) {
  const std::size_t size = vocabulary.pieces.size();
  const auto check = [&](const char* name, std::optional<TokenId> id) {
    if (id && (*id < 0 || static_cast<std::size_t>(*id) >= size)) {
      problems.add(fmt::format("{}: {}: must be an id in [0, {})", name, *id, size));
    }
  };
  check("bos", vocabulary.bos);
  check("eos", vocabulary.eos);
  check("unknown", vocabulary.unknown);
  check("pad", vocabulary.pad);
  for (const TokenId id : vocabulary.end_ids) check("end id", id);
}

void check_pieces(const TokenVocabulary& vocabulary, FileProblems& problems) {
  std::unordered_map<std::string_view, std::size_t> seen;
  seen.reserve(vocabulary.pieces.size());
  for (std::size_t id = 0; id < vocabulary.pieces.size(); ++id) {
    const std::string& piece = vocabulary.pieces[id];
    const TokenKind kind = vocabulary.kinds[id];
    if (!is_utf8(piece)) problems.add(fmt::format("token {}: its text is not UTF-8", id));
    if (kind == TokenKind::kUnused || piece.empty()) continue;
    const auto [first, added] = seen.emplace(piece, id);
    if (!added)
      problems.add(fmt::format("token {}: {}: the text of token {} too", id, quoted_text(piece), first->second));
    const bool found_by_text = kind != TokenKind::kNormal && kind != TokenKind::kByte;
    if (found_by_text && piece.size() > SpecialTokens::kMaxBytes) {
      problems.add(fmt::format("token {}: {}: a special token of {} bytes: at most {}", id, quoted_text(piece),
                               piece.size(), SpecialTokens::kMaxBytes));
    }
  }
}

}  // namespace

PieceTokenizer::PieceTokenizer(TokenVocabulary vocabulary, FileProblems& problems)
    : vocabulary_(std::move(vocabulary)) {
  const std::size_t size = vocabulary_.pieces.size();
  if (size == 0 || size > kMaxTokens) problems.add(fmt::format("{} tokens: must be in [1, {}]", size, kMaxTokens));
  if (vocabulary_.kinds.size() != size) {
    problems.add(fmt::format("{} kinds of tokens for {} tokens", vocabulary_.kinds.size(), size));
  }
  problems.refuse();
  check_ids(vocabulary_, problems);
  check_pieces(vocabulary_, problems);
  problems.refuse();

  bytes_.resize(size);
  for (std::size_t i = 0; i < size; ++i) {
    const std::string& piece = vocabulary_.pieces[i];
    const TokenKind kind = vocabulary_.kinds[i];
    if (piece.empty() || kind == TokenKind::kNormal || kind == TokenKind::kByte || kind == TokenKind::kUnused) continue;
    special_.add(piece, static_cast<TokenId>(i), kind != TokenKind::kUserDefined);
    if (kind == TokenKind::kUserDefined) bytes_[i] = piece;
  }
  std::vector<TokenId>& ends = vocabulary_.end_ids;
  if (vocabulary_.eos) ends.push_back(*vocabulary_.eos);
  std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
}

bool PieceTokenizer::is_special(TokenId id) const {
  const TokenKind kind = vocabulary_.kinds[index(id)];
  return kind == TokenKind::kControl || kind == TokenKind::kUnknown || kind == TokenKind::kUnused;
}

std::vector<TokenId> PieceTokenizer::encode(std::string_view text) const { return encode_ranges(text, {}); }

std::vector<TokenId> PieceTokenizer::encode_with_special(std::string_view text) const {
  return encode_ranges(text, {{0, text.size()}});
}

std::vector<TokenId> PieceTokenizer::encode_segments(const std::vector<TextSegment>& segments) const {
  std::string text;
  std::vector<TextRange> control;
  for (const TextSegment& segment : segments) {
    if (segment.control) control.push_back({text.size(), text.size() + segment.text.size()});
    text += segment.text;
  }
  return encode_ranges(text, control);
}

std::vector<TokenId> PieceTokenizer::encode_ranges(std::string_view text, const std::vector<TextRange>& control) const {
  if (text.size() >= kMaxTextBytes) {
    throw Exception(ErrorCode::kInvalidArgument,
                    fmt::format("a text of {} bytes: must be fewer than {}", text.size(), kMaxTextBytes));
  }
  require_utf8(text);
  std::vector<TokenId> ids;
  ids.reserve(text.size() / 3);
  for (const TextPart& part : special_.split(text, control)) {
    if (part.id) {
      ids.push_back(*part.id);
    } else {
      append_text(part.text, ids);
    }
  }
  return ids;
}

}  // namespace fllm
