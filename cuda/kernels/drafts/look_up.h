// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/draft_loop_params.h"
#include "cuda/primitives/block_reduce.h"

// Drafts from a row's own text (prompt look-up decoding, Saxena 2023).
namespace fllm::drafts {

/// What follows a place of a text, again and again where it reaches the end.
struct Continuation {
  const std::int32_t* tokens = nullptr;
  std::int32_t count = 0;  // 0: there is none

  [[nodiscard]] FLLM_DEVICE std::int32_t token(std::int32_t index) const { return tokens[index % count]; }
};

/// What followed when the last tokens of a text last stood together: the longest match of at most max_ngram tokens counts, of
/// several the latest. Called by a whole block; every thread gets it.
template <Cta C>
FLLM_DEVICE Continuation look_up(const C& cta, std::uint32_t (&slots)[kMaxWarps], const std::int32_t* text,
                                 std::int32_t count, std::int32_t max_ngram) {
  constexpr std::uint32_t kLength = kMaxTextTokens + 1;  // a match: its length, then where it ends
  std::uint32_t best = 0;
  const auto most = static_cast<std::uint32_t>(max_ngram) * kLength;
  for (std::int32_t end = count - 1 - cta.thread_index(); end > 0 && best < most; end -= cta.thread_count()) {
    const std::int32_t longest = max_ngram < end ? max_ngram : end;
    std::int32_t length = 0;
    while (length < longest && text[end - 1 - length] == text[count - 1 - length]) ++length;
    const std::uint32_t found = static_cast<std::uint32_t>(length) * kLength;
    if (found > best) best = found + static_cast<std::uint32_t>(end);  // ends come in descending order
  }
  best = block_reduce(cta, slots, best, Maximum{});
  const auto next = static_cast<std::int32_t>(best % kLength);
  return {text + next, next > 0 ? count - next : 0};
}

/// The text goes on at a place; beyond its room, or where nobody looks it up, nothing is kept.
FLLM_DEVICE void append_to_text(const DraftLoopParams& p, std::int32_t row, std::int32_t place, std::int32_t token) {
  if (p.drafting[row].ngram <= 0 || place < 0 || place >= p.texts.capacity) return;
  p.texts.tokens[std::int64_t{row} * p.texts.capacity + place] = token;
}

}  // namespace fllm::drafts
