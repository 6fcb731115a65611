// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "host/constraint/token_index.h"
#include "host/model/model.h"
#include "host/tokenizer/tokenizer.h"

namespace fllm {

/// What the engine knows of a tokenizer: which tokens are drawn, what they print, which end a text.
///
/// A special token without text (<PAD>, <BOS>) is never drawn unless it is an end token (<EOS>, an end of turn, or
/// one of the request); these end a sample. <UNK> has a text, its name, so it is drawn when the model wants it.
struct Vocabulary {
  /// Exception(kBadFormat) when the tokenizer has more tokens than the model. Ids the tokenizer lacks are not drawn.
  Vocabulary(const Tokenizer& tokenizer, const Model& model);

  [[nodiscard]] std::int32_t size() const { return tokens.size(); }
  [[nodiscard]] bool is_end(TokenId id) const { return std::binary_search(ends.begin(), ends.end(), id); }

  TokenIndex tokens;
  std::optional<TokenId> bos;
  bool add_bos = false;              // in front of a prompt that is text
  std::vector<TokenId> ends;         // ascending
  std::vector<TokenId> never_drawn;  // special tokens that neither end nor print
};

}  // namespace fllm
