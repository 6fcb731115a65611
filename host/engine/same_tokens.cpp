// SPDX-License-Identifier: Apache-2.0
#include "host/engine/same_tokens.h"

#include <algorithm>

#include "fundamentallm/result.h"
#include "host/util/quoted_text.h"

namespace fllm {
namespace {

std::string described(const Tokenizer& tokenizer, TokenId id) {
  if (id >= tokenizer.vocab_size()) return "nothing (it has " + std::to_string(tokenizer.vocab_size()) + " tokens)";
  return (tokenizer.is_special(id) ? "special " : "") + quoted_text(tokenizer.token_name(id));
}

}  // namespace

void require_same_tokens(const Tokenizer& target, const Tokenizer& draft, const std::string& path) {
  const std::int32_t most = std::max(target.vocab_size(), draft.vocab_size());
  for (TokenId id = 0; id < most; ++id) {
    const bool in_both = id < target.vocab_size() && id < draft.vocab_size();
    if (in_both && target.token_bytes(id) == draft.token_bytes(id) && target.token_name(id) == draft.token_name(id) &&
        target.is_special(id) == draft.is_special(id)) {
      continue;
    }
    throw Exception(ErrorCode::kInvalidArgument, "draft_model: " + quoted_text(path) + ": token " + std::to_string(id) +
                                                     " is " + described(draft, id) + ", and in the model " +
                                                     described(target, id) + ": the same tokenizer is allowed");
  }
}

}  // namespace fllm
