// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "cuda/portable/draft_length.h"
#include "fundamentallm/options.h"

namespace fllm {

class Sequence;
struct RequestState;

/// Whether a draft model guesses.
[[nodiscard]] inline bool asks_model(const SpeculationOptions& options) {
  return options.prompt_lookup == 0 && !options.draft_forced;
}

/// What a sequence feeds to the model behind its last token: guesses at what comes next, which this step confirms or replaces.
class Drafts {
 public:
  /// Precondition: the request speculates.
  explicit Drafts(const RequestState& request);

  /// Of this step.
  [[nodiscard]] std::span<const TokenId> tokens() const { return tokens_; }
  [[nodiscard]] SpeculationRule rule() const { return options_.rule; }
  [[nodiscard]] bool from_model() const { return asks_model(options_); }
  /// A step begins for a sequence: how many it wants. Adds what is forced and spelled, unless a draft model guesses, and has the row
  /// step over it. False: the output ends with that.
  bool open(Sequence& row);
  /// The same of a step that a device takes; nothing is drafted here.
  void foresee(Sequence& row);
  [[nodiscard]] std::int32_t wanted() const { return wanted_; }
  /// Of these, what is forced, and guesses at how what is known of the text is spelled.
  [[nodiscard]] const DraftCounts& counts() const { return counts_; }
  /// The most that may be forced or spelled in a step; 0: nothing is drafted for that reason.
  [[nodiscard]] std::int32_t most_forced() const { return most_forced_; }
  /// Whether something was, in one of the late steps.
  [[nodiscard]] bool forces() const { return unforced_steps_ < kLate; }
  /// How many other guesses it will want behind so many more steps without a draft; none: in the step that comes.
  [[nodiscard]] std::int32_t wanted_behind(const Sequence& row, std::int32_t steps) const;
  /// Whether there will be more guesses, of late steps having had some, and they are likely to be accepted, as some have been.
  [[nodiscard]] bool pays() const {
    return (from_model() || unfound_steps_ < kLate) && length_.is_likely() && length_.next() > 0 &&
           (has_paid_ || options_.draft_tokens > 0);
  }
  /// No drafts in this step.
  void clear();
  /// Adds tokens that are forced behind the drafts, or are spelled where `spells`, until there are `most`, and has the row step over
  /// them. False: the output ends with the last one. Precondition: the row has stepped over the drafts it has.
  bool add_known(Sequence& row, std::int32_t most, bool spells);
  /// Adds drafts from the text and those so far, fewer than wanted where one would end it or may not come. Precondition: likewise.
  void look_up(Sequence& row);
  /// Tokens of the longest match that counts; 0: the text is not looked up.
  [[nodiscard]] std::int32_t ngram() const { return options_.prompt_lookup; }
  /// Prompt and output of a row that looks them up.
  [[nodiscard]] std::span<const TokenId> text(const Sequence& row);
  /// A draft that was drawn. row: of what it was drawn from.
  void add(TokenId draft, std::int32_t row);
  static constexpr std::int32_t kChosen = -1;
  /// [tokens] what each was drawn from, a row of the draft model's; kChosen: from none.
  [[nodiscard]] std::span<const std::int32_t> rows() const { return rows_; }
  /// A step with so many drafts is over, of which so many were accepted; one token more came of it.
  void took(std::int32_t drafted, std::int32_t accepted);
  /// The draft model has read at least so many tokens.
  void has_read(std::int32_t count) { cached = std::max(cached, count); }
  /// What decides how many the next step has: of those that are spelled, and of other guesses.
  [[nodiscard]] const DraftLength& spelling() const { return spelling_; }
  [[nodiscard]] const DraftLength& length() const { return length_; }

  std::int32_t room = 0;  // in the steps that a device takes by itself
  // Of the draft model:
  std::vector<std::int32_t> blocks;  // of its cache
  std::int32_t cached = 0;           // tokens whose keys and values are there
  std::int32_t reach = INT32_MAX;    // it reads positions below that

 private:
  [[nodiscard]] bool guesses() const { return from_model() || ngram() > 0; }

  static constexpr std::int32_t kLate = 16;  // steps

  SpeculationOptions options_;
  DraftLength length_, spelling_;
  std::vector<TokenId> text_;       // prompt and output, as far as they have been looked at
  std::vector<TokenId> tokens_;     // at most kMaxDraftTokens
  std::vector<std::int32_t> rows_;  // [tokens]
  std::int32_t most_forced_ = 0;
  std::int32_t wanted_ = 0;
  DraftCounts counts_;
  std::int32_t unforced_steps_ = kLate;  // since something was
  std::int32_t unfound_steps_ = kLate;   // since something was guessed
  std::int32_t begin_ = 0;               // tokens before the drafts of this step
  bool has_paid_ = false;                // one was accepted
};

}  // namespace fllm
