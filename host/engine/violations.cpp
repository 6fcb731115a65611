// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cuda/kernels/beam_params.h"
#include "cuda/kernels/draft_params.h"
#include "fundamentallm/names.h"
#include "fundamentallm/request.h"
#include "host/constraint/regex_parser.h"
#include "host/engine/request_preparer.h"
#include "host/util/quoted_text.h"
#include "host/util/violations.h"

namespace fllm {
namespace {

/// vocab_size: none where no model is known.
using VocabSize = std::optional<std::int32_t>;

void check_id(std::string_view name, TokenId id, VocabSize vocab_size, Violations& found) {
  found.require(id >= 0, name, id, "token ids start at 0");
  if (vocab_size && id >= *vocab_size) {
    found.require(false, name, id, "token ids of this model are below " + std::to_string(*vocab_size));
  }
}

void check_ids(std::string_view name, const std::vector<TokenId>& ids, VocabSize vocab_size, Violations& found) {
  for (const TokenId id : ids) check_id(name, id, vocab_size, found);
}

void check_strings(std::string_view name, const std::vector<std::string>& strings, Violations& found) {
  std::size_t total = 0;
  for (const std::string& text : strings) {
    total += text.size();
    if (text.empty()) found.add(name, "\"\"", "must not be empty");
  }
  found.require(total <= kMaxControlBytes, name, total, "bytes in all; at most 16384");
}

bool within(float value, float low, float high) { return value >= low && value <= high; }

void check_sampling(const SamplingOptions& sampling, VocabSize vocab_size, Violations& found) {
  found.require(std::isfinite(sampling.temperature) && sampling.temperature >= 0, "temperature", sampling.temperature,
                "must be finite and at least 0 (0 is greedy)");
  found.require(std::isfinite(sampling.top_p) && sampling.top_p >= 0, "top_p", sampling.top_p,
                "must be finite and at least 0 (1 is off)");
  found.require(within(sampling.min_p, 0, 1), "min_p", sampling.min_p, "must be in [0, 1] (0 is off)");
  found.require(std::isfinite(sampling.repetition_penalty) && sampling.repetition_penalty > 0, "repetition_penalty",
                sampling.repetition_penalty, "must be finite and more than 0 (1 is off)");
  found.require(within(sampling.frequency_penalty, -2, 2), "frequency_penalty", sampling.frequency_penalty,
                "must be in [-2, 2] (0 is off)");
  found.require(within(sampling.presence_penalty, -2, 2), "presence_penalty", sampling.presence_penalty,
                "must be in [-2, 2] (0 is off)");
  found.require(sampling.penalty_window >= 0, "penalty_window", sampling.penalty_window,
                "must be at least 0 (0 is the whole text)");
  found.require(sampling.logit_bias.size() <= static_cast<std::size_t>(kMaxBiasEntries), "logit_bias",
                sampling.logit_bias.size(), "entries; at most 4096");
  std::set<TokenId> seen;
  for (const LogitBias& bias : sampling.logit_bias) {
    check_id("logit_bias", bias.id, vocab_size, found);
    found.require(std::isfinite(bias.bias), "logit_bias", bias.bias, "must be finite (ban a token to forbid it)");
    found.require(seen.insert(bias.id).second, "logit_bias", bias.id, "given more than once");
  }
}

void check_length(const LengthOptions& length, Violations& found) {
  found.require(length.max_tokens > 0, "max_tokens", length.max_tokens, "must be at least 1");
  found.require(length.min_tokens >= 0, "min_tokens", length.min_tokens, "must be at least 0");
  found.require(length.min_tokens <= std::max(length.max_tokens, 0), "min_tokens", length.min_tokens,
                "must be at most max_tokens, " + std::to_string(length.max_tokens));
  if (length.max_length) {
    found.require(*length.max_length > 0, "max_length", *length.max_length, "must be at least 1");
  }
  if (length.min_length) {
    found.require(*length.min_length >= 0, "min_length", *length.min_length, "must be at least 0");
  }
  if (length.min_length && length.max_length) {
    found.require(*length.min_length <= *length.max_length, "min_length", *length.min_length,
                  "must be at most max_length, " + std::to_string(*length.max_length));
  }
}

void check_constraint(const std::monostate& /*none*/, Violations& /*found*/) {}
void check_constraint(const JsonConstraint& /*any*/, Violations& /*found*/) {}

void check_constraint(const ChoicesConstraint& choices, Violations& found) {
  std::size_t total = 0;
  for (const std::string& text : choices.texts) total += text.size();
  found.require(!choices.texts.empty() && choices.texts.size() <= kMaxChoices, "choices", choices.texts.size(),
                "texts; 1 to 4096 are allowed");
  found.require(total <= kMaxSchemaBytes, "choices", total, "bytes in all; at most 1048576");
}

void check_constraint(const RegexConstraint& regex, Violations& found) {
  found.require(regex.pattern.size() <= kMaxRegexBytes, "regex", regex.pattern.size(), "bytes; at most 65536");
}

void check_constraint(const JsonSchemaConstraint& schema, Violations& found) {
  found.require(schema.schema.size() <= kMaxSchemaBytes, "json_schema", schema.schema.size(), "bytes; at most 1048576");
}

void check_constraint(const DialogueConstraint& dialogue, Violations& found) {
  found.require(dialogue.turns >= 1 && dialogue.turns <= 1000, "turns", dialogue.turns, "must be in [1, 1000]");
  if (dialogue.speakers.empty()) found.add("speakers", "none", "at least one is needed");
  for (const std::string& speaker : dialogue.speakers) {
    if (speaker.empty() || speaker.size() > kMaxControlBytes || speaker.find_first_of("\r\n") != std::string::npos) {
      found.add("speakers", quoted_text(speaker), "a name of one line, at most 16384 bytes, is allowed");
    }
  }
}

void check_constraint(const CustomConstraint& custom, Violations& found) {
  if (custom.start == nullptr) found.add("constraint", "null", "one must be given");
}

void check_control(const ControlOptions& control, VocabSize vocab_size, Violations& found) {
  check_strings("banned_text", control.banned_text, found);
  check_strings("prefix", control.prefix.empty() ? std::vector<std::string>{} : std::vector{control.prefix}, found);
  for (const std::string& text : control.banned_text) {
    if (!text.empty() && control.prefix.find(text) != std::string::npos) {
      found.add("prefix", quoted_text(control.prefix), "contains the banned text " + quoted_text(text));
    }
  }
  check_ids("banned_token_ids", control.banned_token_ids, vocab_size, found);
  std::visit([&](const auto& constraint) { check_constraint(constraint, found); }, control.constraint);
}

void check_beam(const Request& request, Violations& found) {
  const BeamOptions& beam = *request.beam;
  found.require(beam.width >= 1 && beam.width <= kMaxBeamWidth, "beam_width", beam.width, "must be in [1, 1024]");
  found.require(beam.num_return >= 1 && beam.num_return <= std::max(beam.width, 1), "num_return", beam.num_return,
                "must be in [1, beam_width], " + std::to_string(beam.width));
  const float penalty = beam.length_penalty.value_or(0);
  found.require(within(penalty, -6, 6), "length_penalty", penalty, "must be in [-6, 6]");
  const auto norm = beam.length_norm.value_or(LengthNorm::kPower);
  if (beam.profile != BeamProfile::kNone && norm != LengthNorm::kPower) {
    found.add("length_norm", to_string(norm), "must be power with a beam_profile");
  }
  if (beam.profile == BeamProfile::kCTranslate2 && beam.stop) {
    found.add("beam_stop", "given", "CTranslate2 has one rule: beam_profile ctranslate2 sets it");
  }
  const std::int32_t groups = beam.diversity_groups;
  found.require(groups >= 1 && (groups <= 1 || beam.width % groups == 0), "diversity_groups", groups,
                "must divide beam_width, " + std::to_string(beam.width));
  found.require(std::isfinite(beam.diversity_penalty) && beam.diversity_penalty >= 0, "diversity_penalty",
                beam.diversity_penalty, "must be finite and at least 0");
  found.require(beam.diversity_penalty == 0 || groups > 1, "diversity_penalty", beam.diversity_penalty,
                "needs diversity_groups, more than 1");
  found.require(!beam.sample || groups <= 1, "diversity_groups", groups, "must be 1 with beam_sample");
  const SamplingOptions& sampling = request.sampling;
  if (!beam.sample) {
    constexpr const char* kDraws = "must be neutral: beam search draws nothing without beam_sample";
    found.require(sampling.temperature == 0 || sampling.temperature == 1, "temperature", sampling.temperature, kDraws);
    found.require(sampling.top_k <= 0, "top_k", sampling.top_k, kDraws);
    found.require(!(sampling.top_p < 1), "top_p", sampling.top_p, kDraws);
    found.require(!(sampling.min_p > 0), "min_p", sampling.min_p, kDraws);
  } else {
    found.require(sampling.temperature != 0, "temperature", sampling.temperature,
                  "must be more than 0 with beam_sample");
  }
  found.require(sampling.penalty_window <= 0, "penalty_window", sampling.penalty_window,
                "must be 0 with beam search, which keeps whole histories");
  found.require(request.num_samples == 1, "num_samples", request.num_samples,
                "must be 1 with beam search: num_return says how many hypotheses are returned");
  found.require(request.logprobs <= 0, "logprobs", request.logprobs,
                "must be 0 or -1 with beam search, which keeps those of its own tokens alone");
  if (std::holds_alternative<CustomConstraint>(request.control.constraint)) {
    found.add("constraint", "of one's own", "is not allowed with beam search, whose states lie on the device");
  }
}

void check_speculation(const Request& request, Violations& found) {
  const SpeculationOptions& speculation = *request.speculation;
  found.require(speculation.draft_tokens >= 0 && speculation.draft_tokens <= kMaxDraftTokens, "draft_tokens",
                speculation.draft_tokens, "must be in [1, 16], or 0 for as many as pay");
  found.require(speculation.prompt_lookup >= 0 && speculation.prompt_lookup <= kMaxLookupTokens, "prompt_lookup",
                speculation.prompt_lookup, "must be in [0, 16] (0 is off)");
  if (speculation.draft_forced && !request.control.can_force()) {
    found.add("draft_forced", "given", "needs a constraint or a prefix: nothing else leaves a token no choice");
  }
  if (request.beam) {
    found.add("speculation", "given (a draft model, prompt_lookup or draft_forced)",
              "is not allowed with beam search, which draws nothing to guess");
  }
}

std::vector<std::string> violations_of(const Request& request, VocabSize vocab_size) {
  Violations found;
  if (const auto* ids = std::get_if<std::vector<TokenId>>(&request.prompt))
    check_ids("prompt", *ids, vocab_size, found);
  found.require(request.num_samples >= 1 && request.num_samples <= 4096, "num_samples", request.num_samples,
                "must be in [1, 4096]");
  found.require(request.logprobs >= -1 && request.logprobs <= kMaxTopEntries, "logprobs", request.logprobs,
                "must be in [-1, 32] (-1 is none)");
  check_sampling(request.sampling, vocab_size, found);
  check_length(request.length, found);
  check_strings("stop_strings", request.stop.strings, found);
  check_ids("stop_token_ids", request.stop.token_ids, vocab_size, found);
  found.require(request.stop.token_ids.size() < static_cast<std::size_t>(kMaxEndIds), "stop_token_ids",
                request.stop.token_ids.size(), "ids; at most 1023");
  check_control(request.control, vocab_size, found);
  if (request.beam) check_beam(request, found);
  if (request.speculation) check_speculation(request, found);
  return found.lines();
}

}  // namespace

std::vector<std::string> violations(const Request& request) { return violations_of(request, std::nullopt); }

std::vector<std::string> violations(const Request& request, std::int32_t vocab_size) {
  return violations_of(request, vocab_size);
}

}  // namespace fllm
