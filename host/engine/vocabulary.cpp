// SPDX-License-Identifier: Apache-2.0
#include "host/engine/vocabulary.h"

#include <string>
#include <utility>

#include "fundamentallm/result.h"

namespace fllm {
namespace {

TokenIndex index_of(const Tokenizer& tokenizer) {
  std::vector<std::string> bytes;
  bytes.reserve(static_cast<std::size_t>(tokenizer.vocab_size()));
  for (TokenId id = 0; id < tokenizer.vocab_size(); ++id) {
    bytes.emplace_back(tokenizer.token_bytes(id));
  }
  return TokenIndex(std::move(bytes));
}

}  // namespace

Vocabulary::Vocabulary(const Tokenizer& tokenizer, std::int32_t model_vocab)
    : tokens(index_of(tokenizer)), bos(tokenizer.bos()), eos(tokenizer.eos()) {
  if (size() > model_vocab) {
    throw Exception(ErrorCode::kBadFormat, "tokenizer: " + std::to_string(size()) + " tokens: the model has " +
                                               std::to_string(model_vocab) + "; they do not belong together");
  }
  for (TokenId id = 0; id < size(); ++id) {
    if (tokenizer.is_special(id) && id != eos && tokens.bytes(id).empty()) never_drawn.push_back(id);
  }
}

}  // namespace fllm
