// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "cuda/portable/annotations.h"

namespace fllm {

/// How many tokens a sequence drafts for a step: always the same, or as many as have paid. It depends on what the sequence
/// itself has drafted and what was accepted of it, on nothing else in the batch; plain data, so that a device goes on with it.
///
/// A draft costs a token, one that is accepted gives back two: itself, and the step that it saves. Beside that a twentieth of a
/// token comes with each token of prompt and output, and no more is kept than the longest draft costs. So on a text of which
/// nothing is accepted, 5% more tokens are fed to the model than without drafts, and never more, but for a head start, which is
/// lent: it is paid back out of what comes with tokens, before anything is kept. Within that, as many are drafted as are each
/// more likely accepted than not, by the share of those tried last that were: a draft behind a refused one has not been tried.
class DraftLength {
 public:
  static constexpr std::int32_t kMostAutomatic = 8;

  DraftLength() = default;
  /// draft_tokens: 0: automatic. head_start: tokens that may be lost before they are earned.
  DraftLength(std::int32_t draft_tokens, std::int64_t prompt_count, std::int32_t head_start = 0)
      : credit_(head_start * kToken), lent_(head_start * kToken), fixed_(draft_tokens) {
    pass(static_cast<std::int32_t>(std::min<std::int64_t>(prompt_count, lent_ + kMostCredit)));
  }

  /// The most that next() gives.
  [[nodiscard]] static std::int32_t most(std::int32_t draft_tokens) {
    return draft_tokens > 0 ? draft_tokens : kMostAutomatic;
  }
  /// For the step that comes; [0, kMaxDraftTokens].
  [[nodiscard]] FLLM_HOST_DEVICE std::int32_t next() const {
    if (fixed_ > 0) return fixed_;
    const std::int32_t afforded = credit_ / kToken, wanted = likely();
    return wanted < afforded ? wanted : afforded;
  }
  /// Whether a draft is at least as likely accepted as not; a number that was given is not doubted.
  [[nodiscard]] bool is_likely() const { return fixed_ > 0 || rate_ >= kSure / 2; }
  /// A step is over: so many were drafted and accepted, and one token more came of it.
  FLLM_HOST_DEVICE void took(std::int32_t drafted, std::int32_t accepted) {
    if (fixed_ > 0) return;
    earn((2 * accepted - drafted) * kToken);
    pass(accepted + 1);
    constexpr std::int32_t kMemory = 16;
    for (std::int32_t i = 0; i < accepted; ++i) rate_ += (kSure - rate_) / kMemory;
    if (accepted < drafted) rate_ -= rate_ / kMemory;
  }

 private:
  static constexpr std::int32_t kToken = 20;  // of credit
  static constexpr std::int32_t kMostCredit = kMostAutomatic * kToken;
  static constexpr std::int32_t kSure = 1024;  // a rate of one

  FLLM_HOST_DEVICE void earn(std::int32_t credit) {
    credit_ = credit_ + credit < kMostCredit ? credit_ + credit : kMostCredit;
  }
  /// What comes with tokens of prompt and output.
  FLLM_HOST_DEVICE void pass(std::int32_t tokens) {
    const std::int32_t paid = tokens < lent_ ? tokens : lent_;
    lent_ -= paid;
    earn(tokens - paid);
  }
  /// The n-th draft is accepted with the n-th power of the rate. One is always tried, or nothing would be learned.
  [[nodiscard]] FLLM_HOST_DEVICE std::int32_t likely() const {
    std::int32_t length = 0;
    for (std::int32_t power = rate_; power >= kSure / 2 && length < kMostAutomatic; ++length)
      power = power * rate_ / kSure;
    return length > 1 ? length : 1;
  }

  std::int32_t credit_ = 0, lent_ = 0;
  std::int32_t fixed_ = 0;
  std::int32_t rate_ = kSure * 3 / 4;  // of drafts tried, each new one a sixteenth of it
};

/// What the drafts of a step begin with: what is forced, then guesses at how text that is known is spelled.
struct DraftCounts {
  std::int32_t forced = 0, spelled = 0;
};

/// A step is over. What was forced was no guess; of the others, spellings and those behind them each pay for themselves. Where texts
/// are looked up, what comes with each token is not for spellings, unless they were tried.
FLLM_HOST_DEVICE void learn(DraftLength& spelling, DraftLength& others, const DraftCounts& counts, std::int32_t drafted,
                            std::int32_t accepted, bool looks_up) {
  const std::int32_t right = accepted > counts.forced ? accepted - counts.forced : 0;
  const std::int32_t spelled_right = right < counts.spelled ? right : counts.spelled;
  if (counts.spelled > 0 || !looks_up) spelling.took(counts.spelled, spelled_right);
  others.took(drafted - counts.forced - counts.spelled, right - spelled_right);
}

}  // namespace fllm
