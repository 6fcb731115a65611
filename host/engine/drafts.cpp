// SPDX-License-Identifier: Apache-2.0
#include "host/engine/drafts.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "cuda/kernels/draft_params.h"
#include "host/engine/prompt_lookup.h"
#include "host/engine/sequence.h"

namespace fllm {
namespace {

constexpr std::int32_t kHeadStart = 4;  // a draft model is there to be asked, and what is known to be spelled

}  // namespace

Drafts::Drafts(const RequestState& request)
    : options_(*request.request.speculation),
      length_(options_.draft_tokens, static_cast<std::int64_t>(request.prompt.size()), from_model() ? kHeadStart : 0) {
  tokens_.reserve(kMaxDraftTokens);
  rows_.reserve(kMaxDraftTokens);
  if (from_model()) return;
  if (request.request.control.can_force()) most_forced_ = DraftLength::most(options_.draft_tokens);
  spelling_ = DraftLength(options_.draft_tokens, ngram() == 0 ? static_cast<std::int64_t>(request.prompt.size()) : 0,
                          kHeadStart);
  if (ngram() > 0) text_.reserve(static_cast<std::size_t>(request.token_limit) + kMaxDraftTokens);
}

void Drafts::clear() {
  tokens_.clear();
  rows_.clear();
  wanted_ = 0;
  counts_ = {};
}

bool Drafts::open(Sequence& row) {
  clear();
  begin_ = row.token_count();
  wanted_ = wanted_behind(row, 0);
  if (most_forced_ == 0 || row.generated() == 0) return true;
  const std::int32_t room = std::max(0, std::min(most_forced_, row.request().token_limit - 1 - begin_));
  const auto count = [this] { return static_cast<std::int32_t>(tokens_.size()); };
  bool goes_on = add_known(row, room, false);
  counts_.forced = count();
  goes_on = goes_on && add_known(row, std::min(room, counts_.forced + spelling_.next()), true);
  counts_.spelled = count() - counts_.forced;
  wanted_ = count() + std::min(wanted_, room - count());
  if (counts_.forced > 0) unforced_steps_ = 0;
  return goes_on;
}

void Drafts::foresee(Sequence& row) {
  open(row);
  row.step_back();
  tokens_.clear();
  rows_.clear();
}

// With all of them accepted the token behind them is the last one that the limit allows; a draft model reads all but the last.
// Never for the first token: whether it is drawn behind a prompt or beside others' is a matter of who shares what, and no text
// may depend on it.
std::int32_t Drafts::wanted_behind(const Sequence& row, std::int32_t steps) const {
  DraftLength length = length_;
  for (std::int32_t i = 0; i < steps; ++i) length.took(0, 0);
  const std::int32_t count = row.token_count() + steps;
  const std::int32_t next = row.generated() + steps > 0 && guesses() ? length.next() : 0;
  return std::max(0, std::min({next, row.request().token_limit - 1 - count, reach - count + 1}));
}

std::span<const TokenId> Drafts::text(const Sequence& row) {
  while (std::cmp_less(text_.size(), row.token_count())) {
    text_.push_back(row.token(static_cast<std::int32_t>(text_.size())));
  }
  return text_;
}

bool Drafts::add_known(Sequence& row, std::int32_t most, bool spells) {
  while (std::cmp_less(tokens_.size(), most)) {
    std::optional<TokenId> next = row.forced();
    if (!next && spells) next = row.spelled();
    if (!next) return true;
    add(*next, kChosen);
    if (!row.step_over(*next)) return false;
  }
  return true;
}

void Drafts::look_up(Sequence& row) {
  const auto before = static_cast<std::ptrdiff_t>(tokens_.size());
  if (ngram() == 0 || std::cmp_greater_equal(before, wanted_)) return;
  const std::size_t said = text(row).size();
  text_.insert(text_.end(), tokens_.begin(), tokens_.end());
  fllm::look_up(text_, ngram(), wanted_ - static_cast<std::int32_t>(before), tokens_);
  text_.resize(said);
  const auto useless =
      std::find_if(tokens_.begin() + before, tokens_.end(), [&row](TokenId draft) { return !row.step_over(draft); });
  tokens_.erase(useless, tokens_.end());
  rows_.resize(tokens_.size(), kChosen);
}

void Drafts::add(TokenId draft, std::int32_t row) {
  tokens_.push_back(draft);
  rows_.push_back(row);
}

// What is forced is no guess, and costs nothing that would not have been fed. What the draft model has read of its own guesses
// stays, where they were right.
void Drafts::took(std::int32_t drafted, std::int32_t accepted) {
  learn(spelling_, length_, counts_, drafted, accepted, ngram() > 0);
  const std::int32_t known = counts_.forced + counts_.spelled;
  has_paid_ = has_paid_ || accepted > known;
  const bool spells = counts_.spelled > 0 && accepted > counts_.forced;
  unforced_steps_ = spells ? 0 : std::min(unforced_steps_ + 1, kLate);
  unfound_steps_ = drafted > known ? 0 : std::min(unfound_steps_ + 1, kLate);
  if (!tokens_.empty()) cached = std::min(cached, begin_ + accepted);
}

}  // namespace fllm
