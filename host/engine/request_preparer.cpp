// SPDX-License-Identifier: Apache-2.0
#include "host/engine/request_preparer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <future>
#include <random>
#include <utility>

#include "cuda/portable/draft_length.h"
#include "fundamentallm/result.h"
#include "host/constraint/token_mask.h"
#include "host/engine/batch.h"
#include "host/engine/drafts.h"
#include "host/engine/prefix_index.h"
#include "host/engine/row_automata.h"
#include "host/model/kv_cache.h"
#include "host/util/quoted_text.h"
#include "host/util/violations.h"

namespace fllm {
namespace {

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

void sort_and_unique(std::vector<TokenId>& ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

}  // namespace

std::unique_ptr<RequestState> RequestPreparer::prepare(Request request) {
  PreparingPlace place(places_);
  auto state = std::make_unique<RequestState>();
  check(request, *state);
  state->request = std::move(request);
  set_lengths(*state);
  set_end_and_banned_ids(*state);
  set_sampling(*state);
  set_constraints(*state, place);
  if (state->request.beam) set_beam(*state);

  const std::int32_t prompt_count = static_cast<std::int32_t>(state->prompt.size());
  // The last token of an output is never fed back, so it has no keys and values.
  const std::int32_t cached = std::max(prompt_count, state->token_limit - 1);
  state->need.sample_count = state->request.num_samples;
  state->prompt_hashes = chain_hashes(state->prompt);
  // The block of the prompt's last token is each sample's own: its output goes on there.
  state->need.shared_blocks = (prompt_count - 1) / kKvBlockTokens;
  state->need.own_blocks = KvCache::blocks_for(cached) - state->need.shared_blocks;

  if (state->beam) state->need.rows = state->beam->rules.width;
  if (const auto& speculation = state->request.speculation) {
    state->need.drafts = DraftLength::most(speculation->draft_tokens);
    if (asks_model(*speculation)) state->need.draft_blocks = KvCache::blocks_for(cached);
  }

  Completion& completion = state->completion;
  const std::int32_t samples = state->beam ? state->beam->num_return : state->request.num_samples;
  completion.samples.resize(static_cast<std::size_t>(samples));
  completion.seed = state->sampling.seed;
  if (state->request.speculation) completion.speculation.emplace();
  completion.usage.prompt_tokens = prompt_count;
  state->unfinished = samples;
  return state;
}

void RequestPreparer::check(const Request& request, RequestState& state) const {
  std::vector<std::string> found = violations(request, vocabulary_->size());
  if (const auto* ids = std::get_if<std::vector<TokenId>>(&request.prompt)) {
    state.prompt = *ids;
  } else {
    try {
      state.prompt = tokenizer_->encode(std::get<std::string>(request.prompt));
      if (vocabulary_->add_bos && vocabulary_->bos) state.prompt.insert(state.prompt.begin(), *vocabulary_->bos);
    } catch (const Exception& error) {
      found.push_back(std::string("prompt: ") + error.what());
    }
  }
  refuse_violations(found);

  if (state.prompt.empty()) {
    if (!vocabulary_->bos) {
      throw Exception(ErrorCode::kInvalidArgument, "prompt: empty: this tokenizer has no <BOS> to start from");
    }
    state.prompt = {*vocabulary_->bos};
  }
}

void RequestPreparer::set_lengths(RequestState& state) const {
  const LengthOptions& length = state.request.length;
  if (static_cast<std::int64_t>(state.prompt.size()) >= context_length_) {
    if (!state.request.truncate_prompt) {
      throw Exception(ErrorCode::kContextOverflow,
                      "prompt: " + std::to_string(state.prompt.size()) + " tokens: the model's context of " +
                          std::to_string(context_length_) +
                          " must hold it and one token more; truncate_prompt keeps its end");
    }
    const std::int32_t keep = context_length_ - std::max(1, std::min(length.max_tokens, context_length_ / 2));
    if (keep < 1) throw Exception(ErrorCode::kContextOverflow, "prompt: the model's context of 1 holds no prompt");
    state.prompt.erase(state.prompt.begin(), state.prompt.end() - keep);
  }
  const std::int64_t prompt_count = static_cast<std::int64_t>(state.prompt.size());
  if (length.max_length && *length.max_length <= prompt_count) {
    throw Exception(ErrorCode::kInvalidArgument, "max_length: " + std::to_string(*length.max_length) +
                                                     ": it counts the prompt, so it must be more than the prompt's " +
                                                     std::to_string(prompt_count) + " tokens");
  }
  std::int64_t limit = prompt_count + length.max_tokens;
  if (length.max_length) limit = std::min<std::int64_t>(limit, *length.max_length);
  state.limit_reason = limit > context_length_ ? FinishReason::kContext : FinishReason::kLength;
  state.token_limit = static_cast<std::int32_t>(std::min<std::int64_t>(limit, context_length_));
  const std::int64_t by_length = length.min_length ? *length.min_length - prompt_count : 0;
  state.min_tokens = static_cast<std::int32_t>(std::max<std::int64_t>(length.min_tokens, by_length));
}

void RequestPreparer::set_end_and_banned_ids(RequestState& state) const {
  state.end_ids = state.request.stop.token_ids;
  state.end_ids.insert(state.end_ids.end(), vocabulary_->ends.begin(), vocabulary_->ends.end());
  sort_and_unique(state.end_ids);

  state.ban_ids = state.request.control.banned_token_ids;
  for (const TokenId id : vocabulary_->never_drawn) {
    if (!std::binary_search(state.end_ids.begin(), state.end_ids.end(), id)) state.ban_ids.push_back(id);
  }
  sort_and_unique(state.ban_ids);
  if (state.ban_ids.size() > static_cast<std::size_t>(kMaxBanList)) {
    state.base_mask.resize(static_cast<std::size_t>(mask_words(vocabulary_->size())));
    allow_all(state.base_mask);
    for (const TokenId id : state.ban_ids) forbid(state.base_mask, id);
  }
}

void RequestPreparer::set_sampling(RequestState& state) const {
  const SamplingOptions& options = state.request.sampling;
  RowSampling& row = state.sampling;
  row.temperature = options.temperature;
  row.top_k = options.top_k;
  row.top_p_on = options.top_p < 1 ? 1 : 0;
  // Rounded up, so that rounding never keeps less than was asked for.
  const double units = std::ceil(std::ldexp(static_cast<double>(std::min(options.top_p, 1.0f)), 32));
  row.top_p = static_cast<std::uint32_t>(std::min(units, 0x1p32 - 1));
  row.min_mass = static_cast<Mass>(std::ceil(std::ldexp(static_cast<double>(options.min_p), kMassBits)));
  row.repetition_penalty = options.repetition_penalty;
  row.frequency_penalty = options.frequency_penalty;
  row.presence_penalty = options.presence_penalty;
  row.min_tokens = state.min_tokens;
  row.fallback_id = kNothingDrawn;
  row.seed = options.seed ? *options.seed : random_seed();
  state.penalties = row.repetition_penalty != 1 || row.frequency_penalty != 0 || row.presence_penalty != 0;
  state.bias.reserve(options.logit_bias.size());
  for (const LogitBias& bias : options.logit_bias) state.bias.push_back({bias.id, bias.bias});
}

void RequestPreparer::set_constraints(RequestState& state, PreparingPlace& place) {
  const Request& request = state.request;
  std::vector<std::uint32_t> usable(static_cast<std::size_t>(mask_words(vocabulary_->size())));
  allow_all(usable);
  for (const TokenId id : state.ban_ids) forbid(usable, id);
  state.can_draw_end =
      std::any_of(state.end_ids.begin(), state.end_ids.end(), [&](TokenId id) { return is_allowed(usable, id); });
  if (const auto* custom = std::get_if<CustomConstraint>(&request.control.constraint)) {
    place.wait([&] { set_custom_constraint(*custom, usable, state); });  // the caller's own code
  } else if (request.control.constraint.index() != 0) {
    const MaskRows rows = request.beam ? MaskRows::kAll : MaskRows::kWhenAsked;
    const auto tables = constraints_.soon(request.control, usable, state.end_ids, rows);
    const bool is_done = tables.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    state.constraint = is_done ? tables.get() : place.wait([&] { return tables.get(); });
  }
  if (!request.control.prefix.empty()) {
    if (request.beam) {  // an end id ends a beam, whatever text it has
      for (const TokenId id : state.end_ids) forbid(usable, id);
    }
    state.prefix.emplace(request.control.prefix, vocabulary_->tokens, usable);
    const std::int32_t room = state.token_limit - static_cast<std::int32_t>(state.prompt.size());
    if (state.prefix->min_token_count() > room) {
      throw Exception(ErrorCode::kInvalidArgument, "prefix: " + quoted_text(request.control.prefix) + ": it takes " +
                                                       std::to_string(state.prefix->min_token_count()) +
                                                       " tokens, and " + std::to_string(room) + " can be generated");
    }
  }
  if (const auto& texts = request.control.banned_text; !texts.empty()) {
    state.banned_text = last_banned_.of(texts, [&] { return BannedText(texts, vocabulary_->tokens); });
  }
  if (const auto& texts = request.stop.strings; !texts.empty()) {
    state.stops = last_stops_.of(texts, [&] { return ByteAutomaton(texts); });
  }
}

void RequestPreparer::set_custom_constraint(const CustomConstraint& custom, std::vector<std::uint32_t> usable,
                                            RequestState& state) const {
  std::vector<TokenId> textless;
  for (TokenId id = 0; id < vocabulary_->size(); ++id) {
    if (vocabulary_->tokens.bytes(id).empty()) textless.push_back(id);
  }
  // Ids beyond the vocabulary have bits in the last word.
  for (TokenId id = vocabulary_->size(); id % 32 != 0; ++id) textless.push_back(id);
  auto vocabulary = std::make_shared<CustomSampleConstraint::Vocabulary>(
      CustomSampleConstraint::vocabulary(std::move(usable), state.end_ids, textless));
  try {
    state.custom = std::make_shared<const CustomSampleConstraint>(*custom.start, std::move(vocabulary));
  } catch (const std::exception& error) {
    throw Exception(ErrorCode::kInvalidArgument, std::string("constraint: ") + error.what());
  }
  if (!state.custom->fault().empty()) {
    throw Exception(ErrorCode::kInvalidArgument, "constraint: " + state.custom->fault());
  }
}

void RequestPreparer::set_beam(RequestState& state) const {
  const BeamOptions& options = *state.request.beam;
  const std::int32_t room = state.token_limit - static_cast<std::int32_t>(state.prompt.size());
  BeamPlan& plan = state.beam.emplace(plan_beams(options, room, state.end_ids.size()));
  plan.penalties = state.penalties;
  if (!options.sample) state.sampling.temperature = 1;
  plan.rules.min_tokens = state.min_tokens;
  const auto words = static_cast<std::size_t>(mask_words(vocabulary_->size()));
  plan.automaton = std::make_shared<const DeviceAutomaton>(automaton_of(state, words, true));
}

}  // namespace fllm
