// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/kernels/draft_params.h"

namespace fllm {

/// How many tokens a sequence drafts for a step: always the same, or as many as have paid. It depends on what the sequence
/// itself has drafted and what was accepted of it, on nothing else in the batch.
///
/// A draft costs a token, one that is accepted gives back two: itself, and the step that it saves. Beside that a twentieth of a
/// token comes with each token of prompt and output, and no more is kept than the longest draft costs. So on a text of which
/// nothing is accepted, 5% more tokens are fed to the model than without drafts, and never more. Within that, as many are drafted
/// as are each more likely accepted than not, by the share of those tried last that were: a draft behind a refused one has not
/// been tried.
class DraftLength {
 public:
  static constexpr std::int32_t kMostAutomatic = 8;

  /// draft_tokens: 0: automatic. head_start: tokens that may be lost beside what is earned.
  DraftLength(std::int32_t draft_tokens, std::int64_t prompt_count, std::int32_t head_start = 0);

  /// The most that next() gives.
  [[nodiscard]] static std::int32_t most(std::int32_t draft_tokens) {
    return draft_tokens > 0 ? draft_tokens : kMostAutomatic;
  }
  /// For the step that comes; [0, kMaxDraftTokens].
  [[nodiscard]] std::int32_t next() const;
  /// A step is over: so many were drafted and accepted, and one token more came of it.
  void took(std::int32_t drafted, std::int32_t accepted);

 private:
  static constexpr std::int64_t kToken = 20;  // of credit

  static constexpr std::int32_t kSure = 1024;  // a rate of one

  void earn(std::int64_t credit);
  [[nodiscard]] std::int32_t likely() const;

  std::int32_t fixed_;
  std::int32_t rate_ = kSure * 3 / 4;  // of drafts tried, each new one a sixteenth of it
  std::int64_t credit_ = 0;
};

}  // namespace fllm
