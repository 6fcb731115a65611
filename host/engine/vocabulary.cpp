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

Vocabulary::Vocabulary(const Tokenizer& tokenizer, const Model& model)
    : tokens(index_of(tokenizer)), bos(tokenizer.bos()), add_bos(tokenizer.add_bos()), ends(tokenizer.end_ids()) {
  if (size() > model.config.vocab_size) {
    throw Exception(ErrorCode::kBadFormat, model.path + ": its tokenizer has " + std::to_string(size()) +
                                               " tokens, the model " + std::to_string(model.config.vocab_size) +
                                               "; they do not belong together");
  }
  for (TokenId id = 0; id < size(); ++id) {
    if (tokenizer.is_special(id) && !is_end(id) && tokens.bytes(id).empty()) never_drawn.push_back(id);
  }
}

}  // namespace fllm
