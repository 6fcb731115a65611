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

// With all of them accepted the token behind them is the last one that the limit allows. Never for the first token: whether it
// is drawn behind a prompt or beside others' is a matter of who shares what, and no text may depend on it.
void Drafts::open(const Sequence& row) {
  begin_ = row.token_count();
  const std::int32_t next = row.generated() > 0 ? length_.next() : 0;
  wanted_ = std::max(0, std::min(next, row.request().token_limit - 1 - begin_));
}

void Drafts::look_up(Sequence& row) {
  if (wanted_ == 0) return;
  while (std::cmp_less(text_.size(), begin_)) text_.push_back(row.token(static_cast<std::int32_t>(text_.size())));
  fllm::look_up(text_, options_.prompt_lookup, wanted_, tokens_);
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
  if (!tokens_.empty()) cached = std::min(cached, begin_ + accepted);
}

}  // namespace fllm
