// SPDX-License-Identifier: Apache-2.0
#include "host/tokenizer/sentence_piece_bpe_tokenizer.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "fundamentallm/result.h"
#include "host/tokenizer/token_vocabulary.h"
#include "host/tokenizer/utf8.h"
#include "host/util/quoted_text.h"

namespace fllm {
namespace {

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t found = std::min(text.find(from, at), text.size());
    result += text.substr(at, found - at);
    if (found < text.size()) result += to;
    at = found + from.size();
  }
  return result;
}

/// Ascending where scores descend. Precondition: no NaN.
std::uint32_t order_of(float score) {
  const auto bits = std::bit_cast<std::uint32_t>(score + 0.0f);  // -0 and 0 are one score
  const std::uint32_t ascending = (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
  return ~ascending;
}

/// The byte that "<0xE2>" names.
std::optional<std::uint8_t> named_byte(std::string_view piece) {
  if (piece.size() != 6 || piece.substr(0, 3) != "<0x" || piece[5] != '>') return std::nullopt;
  std::uint8_t byte = 0;
  const auto [end, error] = std::from_chars(piece.data() + 3, piece.data() + 5, byte, 16);
  if (error != std::errc() || end != piece.data() + 5) return std::nullopt;
  return byte;
}

}  // namespace

SentencePieceBpeTokenizer::SentencePieceBpeTokenizer(TokenVocabulary vocabulary, const std::string& source)
    : SentencePieceBpeTokenizer(std::move(vocabulary), FileProblems(source)) {}

SentencePieceBpeTokenizer::SentencePieceBpeTokenizer(TokenVocabulary from, FileProblems problems)
    : PieceTokenizer(std::move(from), problems), by_rank_(!vocabulary().merges.empty()) {
  const std::size_t size = vocabulary().pieces.size();
  if (!by_rank_ && vocabulary().scores.size() != size) {
    problems.add(fmt::format("{} scores for {} tokens", vocabulary().scores.size(), size));
    problems.refuse();
  }
  byte_ids_.fill(kNoToken);
  orders_.resize(by_rank_ ? 0 : size);
  for (TokenId id = 0; id < vocab_size(); ++id) read_piece(id, problems);
  if (by_rank_) merges_ = MergeTable(vocabulary().merges, ids_, problems);
  problems.refuse();
  release_merges();
}

void SentencePieceBpeTokenizer::read_piece(TokenId id, FileProblems& problems) {
  const auto index = static_cast<std::size_t>(id);
  const std::string_view piece = token_name(id);
  if (!by_rank_) {
    const float score = vocabulary().scores[index];
    if (std::isnan(score)) problems.add(fmt::format("token {}: {}: its score is not a number", id, quoted_text(piece)));
    orders_[index] = order_of(score);
  }
  const TokenKind kind = vocabulary().kinds[index];
  if (kind == TokenKind::kNormal) {
    ids_.emplace(piece, id);
    longest_piece_ = std::max(longest_piece_, piece.size());
    set_bytes(id, replaced(piece, kSpaceMark, " "));
  } else if (kind == TokenKind::kByte) {
    const std::optional<std::uint8_t> byte = named_byte(piece);
    if (!byte) {
      problems.add(fmt::format("token {}: {}: a byte's token must be written like <0x0A>", id, quoted_text(piece)));
      return;
    }
    if (byte_ids_[*byte] != kNoToken) {  // <0x0a> and <0x0A>
      problems.add(fmt::format("token {}: {}: the byte of token {} too", id, quoted_text(piece), byte_ids_[*byte]));
    }
    byte_ids_[*byte] = id;
    set_bytes(id, std::string(1, static_cast<char>(*byte)));
  }
}

std::string SentencePieceBpeTokenizer::description() const {
  return fmt::format("SentencePiece BPE, {} tokens", vocab_size());
}

TokenId SentencePieceBpeTokenizer::id_of(std::string_view text) const {
  const auto found = ids_.find(text);
  return found == ids_.end() ? kNoToken : found->second;
}

void SentencePieceBpeTokenizer::append_text(std::string_view text, std::vector<TokenId>& ids) const {
  const std::string marked =
      (vocabulary().add_space_prefix ? std::string(kSpaceMark) : std::string()) + replaced(text, " ", kSpaceMark);
  const auto view = [&](const BpeSymbol& symbol) { return std::string_view(marked).substr(symbol.begin, symbol.size); };

  BpeMerger merger;
  for (std::size_t offset = 0; offset < marked.size();) {
    const std::size_t bytes = decode_code_point(marked, offset)->bytes;
    merger.append(static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(bytes),
                  id_of(std::string_view(marked).substr(offset, bytes)));
    offset += bytes;
  }
  if (by_rank_) {
    merger.merge([&](const BpeSymbol& left, const BpeSymbol& right) { return merges_.find(left.id, right.id); });
  } else {
    merger.merge([&](const BpeSymbol& left, const BpeSymbol& right) -> std::optional<BpeMerge> {
      const std::size_t size = std::size_t{left.size} + right.size;
      if (size > longest_piece_) return std::nullopt;
      const TokenId id = id_of(std::string_view(marked).substr(left.begin, size));
      if (id == kNoToken) return std::nullopt;
      return BpeMerge{orders_[static_cast<std::size_t>(id)], id};
    });
  }
  bool after_unknown = false;
  merger.for_each([&](const BpeSymbol& symbol) {
    if (symbol.id != kNoToken) {
      ids.push_back(symbol.id);
      after_unknown = false;
    } else if (has_bytes(view(symbol))) {
      for (const char byte : view(symbol)) ids.push_back(byte_ids_[static_cast<unsigned char>(byte)]);
      after_unknown = false;
    } else {
      append_unknown(view(symbol), after_unknown, ids);
      after_unknown = true;
    }
  });
}

bool SentencePieceBpeTokenizer::has_bytes(std::string_view character) const {
  return std::all_of(character.begin(), character.end(),
                     [&](char byte) { return byte_ids_[static_cast<unsigned char>(byte)] != kNoToken; });
}

void SentencePieceBpeTokenizer::append_unknown(std::string_view character, bool after_unknown,
                                               std::vector<TokenId>& ids) const {
  if (!vocabulary().unknown) {
    throw Exception(ErrorCode::kInvalidArgument,
                    fmt::format("the character {} is not in the vocabulary, which has neither its bytes nor an unknown "
                                "token",
                                quoted_text(character)));
  }
  if (!after_unknown) ids.push_back(*vocabulary().unknown);
}

}  // namespace fllm
