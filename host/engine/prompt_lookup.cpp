// SPDX-License-Identifier: Apache-2.0
#include "host/engine/prompt_lookup.h"

#include <algorithm>
#include <cstddef>

namespace fllm {

void look_up(std::span<const TokenId> text, std::int32_t max_ngram, std::int32_t count, std::vector<TokenId>& drafts) {
  const auto most = static_cast<std::size_t>(max_ngram);
  std::size_t best = 0, next = 0;  // tokens of the match, and where it goes on
  for (std::size_t end = text.size(); end-- > 1 && best < most;) {
    const std::size_t longest = std::min(most, end);
    std::size_t length = 0;
    while (length < longest && text[end - 1 - length] == text[text.size() - 1 - length]) ++length;
    if (length <= best) continue;
    best = length;
    next = end;
  }
  if (best == 0) return;
  for (std::size_t i = 0, period = text.size() - next; i < static_cast<std::size_t>(count); ++i) {
    drafts.push_back(text[next + i % period]);
  }
}

}  // namespace fllm
