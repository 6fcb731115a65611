// SPDX-License-Identifier: Apache-2.0
#include "host/tokenizer/character_tokenizer.h"

#include <fmt/core.h>

#include "fundamentallm/result.h"
#include "host/tokenizer/utf8.h"

namespace fllm {
CharacterTokenizer::CharacterTokenizer(CharacterVocabulary vocabulary) : tokens_(std::move(vocabulary)) {
  ids_.reserve(tokens_.size());
  for (TokenId id = 0; id < vocab_size(); ++id) {
    const CharacterToken& entry = token(id);
    if (!entry.special) {
      ids_.emplace(decode_code_point(entry.text, 0)->value, id);
    } else if (entry.text == "<PAD>") {
      pad_ = id;
    } else if (entry.text == "<UNK>") {
      unknown_ = id;
    } else if (entry.text == "<BOS>") {
      bos_ = id;
    } else if (entry.text == "<EOS>") {
      eos_ = id;
    }
  }
}

std::string CharacterTokenizer::description() const { return fmt::format("character, {} tokens", vocab_size()); }

std::vector<TokenId> CharacterTokenizer::encode(std::string_view text) const {
  require_utf8(text);
  std::vector<TokenId> ids;
  ids.reserve(text.size());
  for (std::size_t offset = 0; offset < text.size();) {
    const CodePoint character = decode_code_point(text, offset).value();
    const auto found = ids_.find(character.value);
    if (found == ids_.end() && !unknown_) {
      throw Exception(
          ErrorCode::kInvalidArgument,
          fmt::format("the character U+{:04X} at byte offset {} is not in the vocabulary, which has no <UNK>",
                      static_cast<std::uint32_t>(character.value), offset));
    }
    ids.push_back(found != ids_.end() ? found->second : *unknown_);
    offset += character.bytes;
  }
  return ids;
}

std::string_view CharacterTokenizer::token_bytes(TokenId id) const {
  if (id == pad_ || id == bos_ || id == eos_) return {};
  return token(id).text;
}

}  // namespace fllm
