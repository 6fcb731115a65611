// SPDX-License-Identifier: Apache-2.0
#include "host/engine/drafts.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "cuda/kernels/draft_params.h"
#include "host/engine/prompt_lookup.h"
#include "host/engine/sequence.h"

namespace fllm {
namespace {

constexpr std::int32_t kHeadStart = 4;  // a draft model is there to be asked

}  // namespace

Drafts::Drafts(const RequestState& request)
    : options_(*request.request.speculation),
      length_(options_.draft_tokens, static_cast<std::int64_t>(request.prompt.size()), from_model() ? kHeadStart : 0) {
  tokens_.reserve(kMaxDraftTokens);
  rows_.reserve(kMaxDraftTokens);
  if (!from_model()) text_.reserve(static_cast<std::size_t>(request.token_limit));
}

void Drafts::clear() {
  tokens_.clear();
  rows_.clear();
  wanted_ = 0;
}

void Drafts::open(const Sequence& row) {
  begin_ = row.token_count();
  wanted_ = wanted_behind(row, 0);
}

// With all of them accepted the token behind them is the last one that the limit allows; a draft model reads all but the last.
// Never for the first token: whether it is drawn behind a prompt or beside others' is a matter of who shares what, and no text
// may depend on it.
std::int32_t Drafts::wanted_behind(const Sequence& row, std::int32_t steps) const {
  DraftLength length = length_;
  for (std::int32_t i = 0; i < steps; ++i) length.took(0, 0);
  const std::int32_t count = row.token_count() + steps;
  const std::int32_t next = row.generated() + steps > 0 ? length.next() : 0;
  return std::max(0, std::min({next, row.request().token_limit - 1 - count, reach - count + 1}));
}

std::span<const TokenId> Drafts::text(const Sequence& row) {
  while (std::cmp_less(text_.size(), row.token_count())) {
    text_.push_back(row.token(static_cast<std::int32_t>(text_.size())));
  }
  return text_;
}

void Drafts::look_up(Sequence& row) {
  if (wanted_ == 0) return;
  fllm::look_up(text(row), ngram(), wanted_, tokens_);
  const auto useless = std::ranges::find_if(tokens_, [&row](TokenId draft) { return !row.step_over(draft); });
  tokens_.erase(useless, tokens_.end());
  row.step_back();
}

void Drafts::add(TokenId draft, std::int32_t row) {
  tokens_.push_back(draft);
  rows_.push_back(row);
}

// What the draft model has read of its own guesses stays, where they were right.
void Drafts::took(std::int32_t drafted, std::int32_t accepted) {
  length_.took(drafted, accepted);
  has_paid_ = has_paid_ || accepted > 0;
  if (!tokens_.empty()) cached = std::min(cached, begin_ + accepted);
}

}  // namespace fllm
