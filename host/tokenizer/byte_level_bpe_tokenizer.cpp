// SPDX-License-Identifier: Apache-2.0
#include "host/tokenizer/byte_level_bpe_tokenizer.h"

#include <fmt/core.h>

#include <optional>
#include <utility>

#include "host/tokenizer/byte_alphabet.h"
#include "host/tokenizer/utf8.h"

namespace fllm {

ByteLevelBpeTokenizer::ByteLevelBpeTokenizer(TokenVocabulary vocabulary, const std::string& source)
    : ByteLevelBpeTokenizer(std::move(vocabulary), FileProblems(source)) {}

ByteLevelBpeTokenizer::ByteLevelBpeTokenizer(TokenVocabulary from, FileProblems problems)
    : PieceTokenizer(std::move(from), problems), splitter_(vocabulary().pre_tokenizer) {
  std::unordered_map<std::string_view, TokenId>
      pieces;  // of any kind: a file may declare what merges make as user-defined
  pieces.reserve(vocabulary().pieces.size());
  for (TokenId id = 0; id < vocab_size(); ++id) {
    const std::string_view piece = token_name(id);
    const TokenKind kind = vocabulary().kinds[static_cast<std::size_t>(id)];
    if (kind != TokenKind::kUnused) pieces.emplace(piece, id);
    if (kind != TokenKind::kNormal) continue;
    // A piece outside the alphabet is never made from text, and prints as it is.
    const std::optional<std::string> bytes = spelled_bytes(piece);
    set_bytes(id, bytes ? *bytes : std::string(piece));
    if (bytes && vocabulary().ignore_merges) whole_.emplace(token_bytes(id), id);
  }
  merges_ = MergeTable(vocabulary().merges, pieces, problems);
  problems.refuse();
  release_merges();

  TokenId missing = kNoToken;
  const std::optional<TokenId> unknown = vocabulary().unknown;
  if (unknown && vocabulary().kinds[static_cast<std::size_t>(*unknown)] == TokenKind::kUnknown) missing = *unknown;
  for (std::size_t byte = 0; byte < byte_ids_.size(); ++byte) {
    const auto found = pieces.find(encode_code_point(byte_to_letter(static_cast<std::uint8_t>(byte))));
    const bool normal =
        found != pieces.end() && vocabulary().kinds[static_cast<std::size_t>(found->second)] == TokenKind::kNormal;
    byte_ids_[byte] = normal ? found->second : missing;
  }
}

std::string ByteLevelBpeTokenizer::description() const {
  return fmt::format("byte-level BPE ({}), {} tokens", name_of(vocabulary().pre_tokenizer), vocab_size());
}

void ByteLevelBpeTokenizer::append_text(std::string_view text, std::vector<TokenId>& ids) const {
  BpeMerger merger;
  for (const std::string_view piece : splitter_.split(text)) append_piece(piece, merger, ids);
}

void ByteLevelBpeTokenizer::append_piece(std::string_view piece, BpeMerger& merger, std::vector<TokenId>& ids) const {
  if (vocabulary().ignore_merges) {
    const auto found = whole_.find(piece);
    if (found != whole_.end()) {
      ids.push_back(found->second);
      return;
    }
  }
  merger.clear();
  for (std::size_t i = 0; i < piece.size(); ++i) {
    const TokenId id = byte_ids_[static_cast<unsigned char>(piece[i])];
    if (id != kNoToken) merger.append(static_cast<std::uint32_t>(i), 1, id);
  }
  merger.merge([&](const BpeSymbol& left, const BpeSymbol& right) { return merges_.find(left.id, right.id); });
  merger.for_each([&](const BpeSymbol& symbol) { ids.push_back(symbol.id); });
}

}  // namespace fllm
