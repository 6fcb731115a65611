// SPDX-License-Identifier: Apache-2.0
#include "host/engine/sequence.h"

#include <algorithm>

#include "host/constraint/dfa_constraint.h"
#include "host/constraint/token_mask.h"

namespace fllm {

Sequence::Sequence(RequestState& request, std::int32_t sample, const Vocabulary& vocabulary)
    : request_(&request),
      sample_(sample),
      vocabulary_(&vocabulary),
      text_out_(request.stops, request.request.stop.keep_stop) {
  const std::size_t room = static_cast<std::size_t>(request.token_limit) - request.prompt.size();
  result().tokens.reserve(room);
  if (request.request.logprobs >= 0) result().details.reserve(room);
  if (request.penalties) {
    counts_ = PenaltyCounts(vocabulary.size(), request.token_limit, request.request.sampling.penalty_window);
    for (const TokenId id : request.prompt) counts_.append(id, false);
  }
  if (request.request.speculation) drafts = std::make_unique<Drafts>(request);
  if (request.constraint != nullptr) {
    constraint_ =
        std::make_unique<DfaConstraint>(request.constraint, vocabulary.tokens, static_cast<std::int32_t>(room));
  } else if (request.custom != nullptr) {
    constraint_ = request.custom->copy();
  }
}

void Sequence::set_sampling(RowSampling& row) const {
  row.generated = reached();
  // Within the prefix the mask alone decides: an end token may be part of its spelling.
  row.min_tokens = in_prefix() || must_end() ? 0 : request_->min_tokens;
  row.random = {static_cast<std::uint32_t>(token_count() + ahead_.count), static_cast<std::uint32_t>(sample_),
                RandomStream::kTarget, 0};
}

void Sequence::fill_mask(std::span<std::uint32_t> mask) const {
  if (constraint_ != nullptr) {
    constraint_->fill_mask(mask);
    if (request_->custom != nullptr && in_prefix()) keep_prefix(mask);  // which knows nothing of it
  } else if (in_prefix()) {
    forbid_all(mask);
    for (const TokenId id : request_->prefix->allowed(prefix_bytes_)) allow(mask, id);
  } else if (!request_->base_mask.empty()) {
    std::copy(request_->base_mask.begin(), request_->base_mask.end(), mask.begin());
  } else {
    allow_all(mask);
  }
  if (request_->banned_text != nullptr) request_->banned_text->forbid_in(banned_state_, mask);
}

std::int32_t Sequence::automaton_state() {
  const DeviceAutomaton& automaton = *request_->automaton.tables;
  if (automaton.mask_start < 0) return -1;
  if (walked_ == 0) automaton_state_ = automaton.mask_start;
  for (; walked_ < generated(); ++walked_) {
    const TokenId id = result().tokens[static_cast<std::size_t>(walked_)];
    automaton_state_ = automaton.walk(automaton_state_, vocabulary_->tokens.bytes(id));
  }
  return automaton_state_;
}

bool Sequence::allows(TokenId id) const {
  const bool ends = ends_with(id);
  if (constraint_ != nullptr) {
    if (ends ? !constraint_->may_end() : !constraint_->advance(id)) return false;
    if (!ends) constraint_->rollback(1);
  }
  return allows_unconstrained(id);
}

bool Sequence::allows_unconstrained(TokenId id) const {
  if (constraint_ == nullptr) {  // else the prefix and the base mask are parts of it
    if (in_prefix()) {
      const auto open = request_->prefix->allowed(prefix_bytes_);
      if (!std::binary_search(open.begin(), open.end(), id)) return false;
    } else if (!request_->base_mask.empty() && !is_allowed(request_->base_mask, id)) {
      return false;
    }
  }
  return request_->banned_text == nullptr ||
         !request_->banned_text->completes(banned_state_, vocabulary_->tokens.bytes(id));
}

std::optional<TokenId> Sequence::forced() const {
  if (constraint_ != nullptr) return unless_forbidden(constraint_->forced());
  return in_prefix() ? unless_forbidden(request_->prefix->forced(prefix_bytes_)) : std::nullopt;
}

std::optional<TokenId> Sequence::spelled() const {
  if (constraint_ != nullptr) return unless_forbidden(constraint_->spelled());
  return in_prefix() ? unless_forbidden(request_->prefix->spelled(prefix_bytes_)) : std::nullopt;
}

bool Sequence::step_over(TokenId draft) {
  if ((is_end(draft) && !in_prefix()) || !allows_unconstrained(draft)) return false;
  if (constraint_ != nullptr && !constraint_->advance(draft)) return false;
  if (ahead_.count++ == 0) {
    ahead_.banned_state = banned_state_;
    ahead_.prefix_bytes = prefix_bytes_;
  }
  if (request_->penalties) counts_.step_over(draft);
  const std::string_view bytes = vocabulary_->tokens.bytes(draft);
  if (request_->banned_text != nullptr) banned_state_ = request_->banned_text->advance(banned_state_, bytes);
  prefix_bytes_ += forced_bytes(bytes);
  return true;
}

void Sequence::step_back() {
  if (ahead_.count == 0) return;
  if (constraint_ != nullptr) constraint_->rollback(ahead_.count);
  if (request_->penalties) counts_.step_back();
  banned_state_ = ahead_.banned_state;
  prefix_bytes_ = ahead_.prefix_bytes;
  ahead_.count = 0;
}

void Sequence::keep_prefix(std::span<std::uint32_t> mask) const {
  const auto allowed = request_->prefix->allowed(prefix_bytes_);  // ascending
  std::size_t next = 0;
  for (std::size_t word = 0; word < mask.size(); ++word) {
    std::uint32_t bits = 0;
    for (; next < allowed.size() && static_cast<std::size_t>(allowed[next]) / 32 == word; ++next) {
      bits |= std::uint32_t{1} << (static_cast<std::uint32_t>(allowed[next]) % 32);
    }
    mask[word] &= bits;
  }
}

void Sequence::append(TokenId id, const DrawDetail* detail, std::string& text) {
  Sample& sample = result();
  const bool may_end = generated() >= request_->min_tokens;
  const bool is_end = ends_with(id);
  sample.tokens.push_back(id);
  if (detail != nullptr) {
    sample.sum_logprob += static_cast<double>(detail->detail.raw_logprob);
    if (request_->request.logprobs >= 0) append_detail(*detail);
  }
  if (request_->penalties) counts_.append(id, true);

  const std::string_view bytes = vocabulary_->tokens.bytes(id);
  if (request_->banned_text != nullptr) banned_state_ = request_->banned_text->advance(banned_state_, bytes);
  if (is_end) {
    if (request_->request.stop.keep_stop) take_text(bytes, false, text);
    end(vocabulary_->is_end(id) ? FinishReason::kEos : FinishReason::kStopToken, text);
    return;
  }
  if (constraint_ != nullptr) constraint_->advance(id);
  if (take_text(bytes, may_end, text)) {
    end(FinishReason::kStopString, text);
  } else if (!request_->can_draw_end && must_end()) {
    end(FinishReason::kEos, text);
  } else if (token_count() >= request_->token_limit) {
    const bool whole = !in_prefix() && (constraint_ == nullptr || constraint_->may_end());
    end(whole ? request_->limit_reason : FinishReason::kIncomplete, text);
  }
}

void Sequence::append_detail(const DrawDetail& draw) {
  const auto& [detail, top] = draw;
  TokenDetail& added = result().details.emplace_back();
  added.drawn = {result().tokens.back(), detail.raw_logprob, detail.processed_logprob};
  added.rank = detail.rank;
  const auto wanted = static_cast<std::size_t>(request_->request.logprobs);  // other rows may want more
  added.top.reserve(wanted);
  for (const TopEntry& entry : top.first(std::min(top.size(), wanted))) {
    if (entry.id >= 0) added.top.push_back({entry.id, entry.raw_logprob, entry.processed_logprob});
  }
}

void Sequence::set_details(std::span<const float> logprobs) {
  Sample& sample = result();
  for (std::size_t i = 0; i < logprobs.size(); ++i) {
    TokenDetail& detail = sample.details.emplace_back();
    detail.drawn = {sample.tokens[i], logprobs[i], logprobs[i]};
  }
}

void Sequence::end(FinishReason reason, std::string& text) {
  Sample& sample = result();
  text_out_.finish(text);
  sample.finish_reason = reason;
  set_sum_logprob(sample.sum_logprob);
}

void Sequence::set_sum_logprob(double sum) {
  Sample& sample = result();
  sample.sum_logprob = sum;
  if (!sample.tokens.empty()) sample.mean_logprob = sum / static_cast<double>(sample.tokens.size());
}

void Sequence::end_without_support(std::string& text) {
  const RequestState& request = *request_;
  if (request.custom != nullptr) {
    const std::string& fault = static_cast<const CustomSampleConstraint&>(*constraint_).fault();
    if (!fault.empty()) {
      fail(Error{ErrorCode::kInternal, "token " + std::to_string(generated() + 1) + " of sample " +
                                           std::to_string(sample_) + ": the constraint failed: " + fault},
           text);
      return;
    }
  }
  std::string why;
  const auto name = [&why](bool used, const std::string& what) {
    if (used) why += (why.empty() ? "" : ", ") + what;
  };
  name(in_prefix(), "the prefix at byte " + std::to_string(prefix_bytes_));
  name(constraint_ != nullptr, "the constraint");
  name(request.banned_text != nullptr, "banned text");
  name(!request.request.control.banned_token_ids.empty(), "banned token ids");
  name(generated() < request.min_tokens, "end tokens before token " + std::to_string(request.min_tokens + 1));
  const FinishReason reason = why.empty() ? FinishReason::kError : FinishReason::kDeadEnd;
  name(why.empty(), "no finite logit");
  result().error =
      Error{ErrorCode::kEmptySupport, "token " + std::to_string(generated() + 1) + " of sample " +
                                          std::to_string(sample_) + ": every token is forbidden (" + why + ")"};
  end(reason, text);
}

void Sequence::fail(const Error& error, std::string& text) {
  result().error = error;
  end(FinishReason::kError, text);
}

// The part of the bytes that the forced prefix asked for is not searched for stop strings.
bool Sequence::take_text(std::string_view bytes, bool accept_stop, std::string& text) {
  if (const std::int32_t forced = forced_bytes(bytes); forced > 0) {
    text_out_.pass(bytes.substr(0, static_cast<std::size_t>(forced)), text);
    prefix_bytes_ += forced;
    bytes.remove_prefix(static_cast<std::size_t>(forced));
  }
  return text_out_.feed(bytes, accept_stop, text);
}

std::int32_t Sequence::forced_bytes(std::string_view bytes) const {
  if (!in_prefix()) return 0;
  return static_cast<std::int32_t>(
      std::min<std::size_t>(bytes.size(), static_cast<std::size_t>(request_->prefix->byte_count() - prefix_bytes_)));
}

}  // namespace fllm
