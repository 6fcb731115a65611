// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "fundamentallm/options.h"

namespace fllm {

/// Drafts from the text itself (prompt look-up decoding, Saxena 2023): what came after the last tokens when they last stood
/// together. The longest match of at most max_ngram tokens counts, the latest of several. Where what follows it reaches the
/// end, the drafts repeat it. Appends up to `count` tokens to drafts; none where the last token is new.
/// Preconditions: max_ngram >= 1, count >= 0. Looks at most at max_ngram * text.size() tokens.
void look_up(std::span<const TokenId> text, std::int32_t max_ngram, std::int32_t count, std::vector<TokenId>& drafts);

}  // namespace fllm
