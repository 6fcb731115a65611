// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cuda/kernels/sample_params.h"
#include "host/constraint/constraint.h"
#include "host/engine/drafts.h"
#include "host/engine/penalty_counts.h"
#include "host/engine/request_state.h"
#include "host/engine/text_out.h"
#include "host/engine/vocabulary.h"

namespace fllm {

constexpr std::int32_t kNoBlock = -1;

/// What a token's draw came from.
struct DrawDetail {
  SampleDetail detail;
  std::span<const TopEntry> top;
};

/// A prompt and one sample of it while it is in the batch: what it has drawn, what may come next, whether it has ended.
/// Results go straight into the request's completion.
class Sequence {
 public:
  Sequence(RequestState& request, std::int32_t sample, const Vocabulary& vocabulary);

  [[nodiscard]] RequestState& request() const { return *request_; }
  [[nodiscard]] std::int32_t sample() const { return sample_; }
  [[nodiscard]] FinishReason finish_reason() const { return result().finish_reason; }
  [[nodiscard]] std::int32_t generated() const { return static_cast<std::int32_t>(result().tokens.size()); }
  /// Tokens of prompt and output.
  [[nodiscard]] std::int32_t token_count() const {
    return static_cast<std::int32_t>(request_->prompt.size()) + generated();
  }
  /// Of prompt and output. Precondition: 0 <= index < token_count().
  [[nodiscard]] TokenId token(std::int32_t index) const {
    const auto place = static_cast<std::size_t>(index), prompt_count = request_->prompt.size();
    return place < prompt_count ? request_->prompt[place] : result().tokens[place - prompt_count];
  }
  /// Tokens the model has to see before the next draw.
  [[nodiscard]] std::int32_t missing() const { return token_count() - cached; }
  /// Of those, the ones it reads before it draws; of a search's prompt the beams read the last token themselves.
  [[nodiscard]] std::int32_t unread() const { return missing() - (request_->beam ? 1 : 0); }

  /// Goes on as if a draft had been drawn, until step_back. False, and nothing changes, where it may not come or is an end, also
  /// one that may not come yet: no draft behind it can be of use. At most kMaxDraftTokens in a row.
  bool step_over(TokenId draft);
  /// Back to what has been drawn.
  void step_back();

  /// The token that comes next whatever the model says, because the constraint or the prefix allows no other.
  [[nodiscard]] std::optional<TokenId> forced() const;
  /// The token that is guessed to come next because what they allow is known as text.
  [[nodiscard]] std::optional<TokenId> spelled() const;

  /// What the next draw depends on, besides the side tables.
  void set_sampling(RowSampling& row) const;
  void fill_mask(std::span<std::uint32_t> mask) const;
  [[nodiscard]] std::span<const CountEntry> counts() const { return counts_.entries(); }

  /// Whether a draw needs something worked out on the host, masks apart, or the host wants more of it than the token.
  [[nodiscard]] bool needs_host() const {
    return request_->custom != nullptr || request_->request.logprobs >= 0 || counts_.windowed();
  }
  /// The state of the request's automaton behind the output; -1: it has none. Precondition: RowAutomaton::place.
  [[nodiscard]] std::int32_t automaton_state();
  /// Whether a token may come next by what restrains the output, as the host itself sees it.
  [[nodiscard]] bool allows(TokenId id) const;

  /// Takes the drawn token: text, stop rules, limits. Appends to text what may be shown now. detail: null where a device
  /// keeps the sum of log-probabilities, see set_sum_logprob.
  void append(TokenId id, const DrawDetail* detail, std::string& text);
  [[nodiscard]] double sum_logprob() const { return result().sum_logprob; }
  void set_sum_logprob(double sum);
  /// Log-probabilities of all its tokens, as a beam search has them.
  void set_details(std::span<const float> logprobs);
  /// Ends the sample from outside.
  void end(FinishReason reason, std::string& text);
  /// Ends the sample because the last step allowed no token.
  void end_without_support(std::string& text);
  /// Ends the sample because of a fault.
  void fail(const Error& error, std::string& text);

  // Of the engine:
  std::vector<std::int32_t> blocks;  // of the KV cache, for its longest output; kNoBlock: still to be shared
  std::int32_t cached = 0;           // tokens whose keys and values are there
  std::int32_t feeding = 0;          // tokens this step adds to them
  std::uint64_t fed_step = 0;        // when it last did
  bool waits = false;                // for the prompt of the row before it, which it shares
  std::unique_ptr<Drafts> drafts;    // null: it does not speculate
  /// What this step feeds behind the last token.
  [[nodiscard]] std::span<const TokenId> drafted() const {
    return drafts != nullptr ? drafts->tokens() : std::span<const TokenId>();
  }

 private:
  struct Ahead {  // of drafts that are stepped over, and what comes back behind them
    std::int32_t count = 0;
    BannedText::State banned_state = ByteAutomaton::kRoot;
    std::int32_t prefix_bytes = 0;
  };

  [[nodiscard]] Sample& result() const { return request_->completion.samples[static_cast<std::size_t>(sample_)]; }
  [[nodiscard]] bool in_prefix() const { return request_->prefix && prefix_bytes_ < request_->prefix->byte_count(); }
  /// Whether the constraint leaves nothing but an end.
  [[nodiscard]] bool must_end() const {
    return constraint_ != nullptr && constraint_->may_end() && !constraint_->can_go_on();
  }
  /// Whether ends are taken as such.
  [[nodiscard]] bool accepts_end() const { return !in_prefix() && (reached() >= request_->min_tokens || must_end()); }
  [[nodiscard]] bool is_end(TokenId id) const {
    return std::binary_search(request_->end_ids.begin(), request_->end_ids.end(), id);
  }
  [[nodiscard]] bool ends_with(TokenId id) const { return accepts_end() && is_end(id); }
  /// Whether a token may come next by all but a constraint.
  [[nodiscard]] bool allows_unconstrained(TokenId id) const;
  [[nodiscard]] std::optional<TokenId> unless_forbidden(std::optional<TokenId> id) const {
    return id && allows_unconstrained(*id) ? id : std::nullopt;
  }
  /// Tokens generated, those stepped over too.
  [[nodiscard]] std::int32_t reached() const { return generated() + ahead_.count; }
  /// Clears what does not go on with the forced prefix. Precondition: in_prefix().
  void keep_prefix(std::span<std::uint32_t> mask) const;
  void append_detail(const DrawDetail& draw);
  /// Of a token's bytes, those that the prefix still asks for.
  [[nodiscard]] std::int32_t forced_bytes(std::string_view bytes) const;
  bool take_text(std::string_view bytes, bool accept_stop, std::string& text);

  RequestState* request_;
  std::int32_t sample_;
  const Vocabulary* vocabulary_;
  PenaltyCounts counts_;
  TextOut text_out_;
  BannedText::State banned_state_ = ByteAutomaton::kRoot;
  std::int32_t prefix_bytes_ = 0;                 // of the forced prefix, written
  std::unique_ptr<SampleConstraint> constraint_;  // null: none
  std::int32_t automaton_state_ = -1;             // behind the first walked_ tokens; -1: before the first one
  std::int32_t walked_ = 0;
  Ahead ahead_;
};

}  // namespace fllm
