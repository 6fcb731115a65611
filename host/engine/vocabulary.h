// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "host/constraint/token_index.h"
#include "host/model/model.h"
#include "host/tokenizer/tokenizer.h"

namespace fllm {

/// What the engine knows of a tokenizer: which tokens are drawn, what they print, which one ends a text.
///
/// A special token without text (<PAD>, <BOS>) is never drawn unless the request makes it an end token; <EOS> ends a
/// sample. <UNK> has a text, its name, so it is drawn when the model wants it.
struct Vocabulary {
  /// Exception(kBadFormat) when the tokenizer has more tokens than the model. Ids the tokenizer lacks are not drawn.
  Vocabulary(const Tokenizer& tokenizer, const Model& model);

  [[nodiscard]] std::int32_t size() const { return tokens.size(); }

  TokenIndex tokens;
  std::optional<TokenId> bos, eos;
  std::vector<TokenId> never_drawn;  // special tokens that neither end nor print
};

}  // namespace fllm
