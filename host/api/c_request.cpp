// SPDX-License-Identifier: Apache-2.0
#include "host/api/c_request.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fundamentallm/names.h"
#include "fundamentallm/result.h"
#include "host/api/c_constraint.h"
#include "host/api/c_struct.h"
#include "host/util/violations.h"

namespace fllm {
namespace {

/// Arrays and texts of a request, with what is wrong about them.
class Reader {
 public:
  explicit Reader(Violations& found) : found_(&found) {}

  template <class T>
  [[nodiscard]] std::vector<T> array(const char* name, const T* values, std::size_t count) const {
    if (!given(name, values, count)) return {};
    return std::vector<T>(values, values + count);
  }
  [[nodiscard]] std::string text(const char* name, const fllm_text& text) const {
    return given(name, text.bytes, text.size) ? std::string(text.bytes, text.size) : std::string();
  }
  [[nodiscard]] std::vector<std::string> texts(const char* name, const fllm_text* values, std::size_t count) const {
    std::vector<std::string> all;
    if (!given(name, values, count)) return all;
    for (std::size_t i = 0; i < count; ++i) all.push_back(text(name, values[i]));
    return all;
  }

 private:
  bool given(const char* name, const void* pointer, std::size_t count) const {
    constexpr std::size_t kMost = std::size_t{1} << 30;  // more is no count, but memory that was never set
    if (count > 0 && pointer == nullptr) {
      found_->add(name, "NULL", "must be given where its count is not 0: " + std::to_string(count));
    }
    found_->require(count <= kMost, name, count, "must be at most 2^30");
    return pointer != nullptr && count > 0 && count <= kMost;
  }
  Violations* found_;
};

/// A field whose 0 stands for the default.
template <class T>
void set(T value, T& target) {
  if (value != 0) target = value;
}

SamplingOptions sampling_of(const fllm_request& request, const Reader& read) {
  SamplingOptions sampling;
  if ((request.given & FLLM_GIVEN_TEMPERATURE) != 0) sampling.temperature = request.temperature;
  if ((request.given & FLLM_GIVEN_TOP_P) != 0) sampling.top_p = request.top_p;
  if ((request.given & FLLM_GIVEN_SEED) != 0) sampling.seed = request.seed;
  sampling.top_k = request.top_k;
  sampling.min_p = request.min_p;
  set(request.repetition_penalty, sampling.repetition_penalty);
  sampling.frequency_penalty = request.frequency_penalty;
  sampling.presence_penalty = request.presence_penalty;
  sampling.penalty_window = request.penalty_window;
  for (const fllm_bias_entry& entry : read.array("logit_bias", request.logit_bias, request.logit_bias_count)) {
    sampling.logit_bias.push_back({entry.id, entry.bias});
  }
  return sampling;
}

// In C a profile that is none is 0; of what has no such value, 0 is the default and the others follow.
constexpr std::int32_t code_of(BeamProfile profile) { return static_cast<std::int32_t>(profile); }
template <class T>
constexpr std::int32_t code_of(T value) {
  return static_cast<std::int32_t>(value) + 1;
}
static_assert(FLLM_LENGTH_NORM_GNMT == code_of(LengthNorm::kGnmt) &&
              FLLM_LENGTH_NORM_POWER == code_of(LengthNorm::kPower) &&
              FLLM_LENGTH_NORM_NONE == code_of(LengthNorm::kNone));
static_assert(FLLM_BEAM_STOP_EXACT == code_of(BeamStopRule::kExact) &&
              FLLM_BEAM_STOP_FIRST_K == code_of(BeamStopRule::kFirstK) &&
              FLLM_BEAM_STOP_HEURISTIC == code_of(BeamStopRule::kHeuristic) &&
              FLLM_BEAM_STOP_NEVER_EARLY == code_of(BeamStopRule::kNeverEarly));
static_assert(FLLM_BEAM_PROFILE_HUGGING_FACE == code_of(BeamProfile::kHuggingFace) &&
              FLLM_BEAM_PROFILE_CTRANSLATE2 == code_of(BeamProfile::kCTranslate2));

/// The value of a code; none: the default.
template <class T>
std::optional<T> choice_of(const char* name, std::int32_t code, Violations& found) {
  constexpr std::int32_t kFirst = code_of(T{});
  constexpr std::int32_t kLast = kFirst + static_cast<std::int32_t>(kNames<T>.size()) - 1;
  found.require(code >= 0 && code <= kLast, name, code, "must be in [0, " + std::to_string(kLast) + "]");
  if (code < kFirst || code > kLast) return std::nullopt;
  return static_cast<T>(code - kFirst);
}

std::optional<BeamOptions> beam_of(const fllm_request& request, Violations& found) {
  found.require(request.beam_reserved == 0, "beam_reserved", request.beam_reserved, "must be 0");
  if (request.beam_width == 0) {
    constexpr const char* kPart = "given without beam_width: it is a part of beam search";
    found.require(request.num_return == 0, "num_return", request.num_return, kPart);
    found.require(request.length_norm == 0, "length_norm", request.length_norm, kPart);
    found.require((request.given & FLLM_GIVEN_LENGTH_PENALTY) == 0, "length_penalty", request.length_penalty, kPart);
    found.require(request.beam_stop == 0, "beam_stop", request.beam_stop, kPart);
    found.require(request.beam_profile == 0, "beam_profile", request.beam_profile, kPart);
    found.require(request.beam_sample == 0, "beam_sample", request.beam_sample, kPart);
    found.require(request.diversity_groups == 0, "diversity_groups", request.diversity_groups, kPart);
    found.require(request.diversity_penalty == 0, "diversity_penalty", request.diversity_penalty, kPart);
    return std::nullopt;
  }
  BeamOptions beam;
  beam.width = request.beam_width;
  set(request.num_return, beam.num_return);
  beam.length_norm = choice_of<LengthNorm>("length_norm", request.length_norm, found);
  if ((request.given & FLLM_GIVEN_LENGTH_PENALTY) != 0) beam.length_penalty = request.length_penalty;
  beam.stop = choice_of<BeamStopRule>("beam_stop", request.beam_stop, found);
  beam.profile = choice_of<BeamProfile>("beam_profile", request.beam_profile, found).value_or(BeamProfile::kNone);
  beam.sample = request.beam_sample != 0;
  set(request.diversity_groups, beam.diversity_groups);
  beam.diversity_penalty = request.diversity_penalty;
  return beam;
}

std::optional<SpeculationOptions> speculation_of(const fllm_request& request, Violations& found) {
  const std::int32_t rule = request.speculation;
  found.require(rule >= 0 && rule <= FLLM_SPECULATION_RATIO, "speculation", rule, "must be in [0, 2]");
  if (rule == FLLM_SPECULATION_NONE) {
    constexpr const char* kPart = "given without speculation";
    found.require(request.draft_tokens == 0, "draft_tokens", request.draft_tokens, kPart);
    found.require(request.prompt_lookup == 0, "prompt_lookup", request.prompt_lookup, kPart);
    found.require(request.draft_forced == 0, "draft_forced", request.draft_forced, kPart);
    return std::nullopt;
  }
  return SpeculationOptions{rule == FLLM_SPECULATION_RATIO ? SpeculationRule::kRatio : SpeculationRule::kCoupled,
                            request.draft_tokens, request.prompt_lookup, request.draft_forced != 0};
}

ConstraintSource custom_of(const fllm_constraint& given, Violations& found) {
  const fllm_constraint functions = read_struct(&given, "fllm_constraint");
  bool complete = true;
  const auto need = [&](const char* name, bool is_given) {
    if (!is_given) found.add(name, "NULL", "must be given");
    complete = complete && is_given;
  };
  need("constraint.fill_mask", functions.fill_mask != nullptr);
  need("constraint.advance", functions.advance != nullptr);
  need("constraint.rollback", functions.rollback != nullptr);
  need("constraint.may_end", functions.may_end != nullptr);
  need("constraint.fork", functions.fork != nullptr);
  need("constraint.destroy", functions.destroy != nullptr);
  if (!complete) return {};
  return CustomConstraint{CConstraint::at_start(functions)};
}

ConstraintSource constraint_of(const fllm_request& request, const Reader& read, Violations& found) {
  found.require(request.constraint_reserved == 0, "constraint_reserved", request.constraint_reserved, "must be 0");
  const bool choices = request.choice_count > 0, regex = request.regex.bytes != nullptr;
  const bool schema = request.json_schema.bytes != nullptr, speakers = request.speaker_count > 0;
  const bool custom = request.constraint != nullptr;
  const int given = int{choices} + int{regex} + int{schema} + int{request.any_json != 0} + int{speakers} + int{custom};
  found.require(given <= 1, "constraint", given,
                "given: one of choices, regex, json_schema, any_json, speakers and constraint is allowed");
  found.require(schema || request.any_order == 0, "any_order", request.any_order, "given without json_schema");
  found.require(speakers || request.turns == 0, "turns", request.turns, "given without speakers");
  // A size without its text is found by reading it.
  std::string pattern = read.text("regex", request.regex), text = read.text("json_schema", request.json_schema);
  if (choices) return ChoicesConstraint{read.texts("choices", request.choices, request.choice_count)};
  if (regex) return RegexConstraint{std::move(pattern)};
  if (schema) return JsonSchemaConstraint{std::move(text), request.any_order != 0};
  if (request.any_json != 0) return JsonConstraint{};
  if (custom) return custom_of(*request.constraint, found);
  if (!speakers) return {};
  DialogueConstraint dialogue{read.texts("speakers", request.speakers, request.speaker_count)};
  set(request.turns, dialogue.turns);
  return dialogue;
}

}  // namespace

Request request_of(const fllm_request& request) {
  constexpr std::uint32_t kBits =
      FLLM_GIVEN_TEMPERATURE | FLLM_GIVEN_TOP_P | FLLM_GIVEN_SEED | FLLM_GIVEN_LOGPROBS | FLLM_GIVEN_LENGTH_PENALTY;
  Violations found;
  const Reader read(found);
  found.require((request.given & ~kBits) == 0, "given", request.given, "bits FLLM_GIVEN_* alone are allowed");
  found.require(request.reserved == 0, "reserved", request.reserved, "must be 0");
  found.require(request.prompt_ids == nullptr || request.prompt.size == 0, "prompt_ids", request.prompt_id_count,
                "ids beside a text: one of prompt and prompt_ids may be given");
  Request made;
  if (request.prompt_ids != nullptr) {
    made.prompt = read.array("prompt_ids", request.prompt_ids, request.prompt_id_count);
  } else {
    if (request.prompt_id_count > 0) found.add("prompt_ids", "NULL", "must be given where its count is not 0");
    made.prompt = read.text("prompt", request.prompt);
  }
  set(request.num_samples, made.num_samples);
  if ((request.given & FLLM_GIVEN_LOGPROBS) != 0) made.logprobs = request.logprobs;
  made.truncate_prompt = request.truncate_prompt != 0;
  made.sampling = sampling_of(request, read);
  set(request.max_tokens, made.length.max_tokens);
  if (request.max_length != 0) made.length.max_length = request.max_length;
  made.length.min_tokens = request.min_tokens;
  if (request.min_length != 0) made.length.min_length = request.min_length;
  made.stop.strings = read.texts("stop_strings", request.stop_strings, request.stop_string_count);
  made.stop.token_ids = read.array("stop_ids", request.stop_ids, request.stop_id_count);
  made.stop.keep_stop = request.keep_stop != 0;
  made.control.prefix = read.text("prefix", request.prefix);
  made.control.constraint = constraint_of(request, read, found);
  made.control.banned_text = read.texts("banned_texts", request.banned_texts, request.banned_text_count);
  made.control.banned_token_ids = read.array("banned_ids", request.banned_ids, request.banned_id_count);
  made.beam = beam_of(request, found);
  made.speculation = speculation_of(request, found);
  refuse_violations(found.lines());
  return made;
}

EngineOptions engine_options_of(const fllm_generator_options& options) {
  EngineOptions made;
  if (options.device != nullptr) made.device = options.device;
  made.threads = options.threads;
  set(options.max_rows, made.max_rows);
  made.kv_cache_bytes = options.kv_cache_bytes;
  set(options.prefill_tokens, made.prefill_tokens);
  made.prefix_cache = options.without_prefix_cache == 0;
  if (options.dtype != nullptr) made.dtype = options.dtype;
  if (options.draft_model != nullptr) made.draft_model = options.draft_model;
  return made;
}

}  // namespace fllm
