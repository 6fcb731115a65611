// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "fundamentallm/constraint.h"
#include "fundamentallm/export.h"

namespace fllm {

using TokenId = std::int32_t;

struct LogitBias {
  TokenId id = 0;
  float bias = 0;  ///< finite; added to the logit
};

/// How one token is drawn from one row of logits. The exact semantics are in docs/sampling.md.
struct SamplingOptions {
  float temperature = 1;              ///< >= 0, finite; 0 is greedy
  std::int32_t top_k = 0;             ///< keep the first k; <= 0 is off
  float top_p = 1;                    ///< >= 0; smallest prefix with this mass; >= 1 is off, 0 keeps one token
  float min_p = 0;                    ///< [0, 1]; keep masses of at least this share of the largest
  float repetition_penalty = 1;       ///< > 0; every token of prompt and output
  float frequency_penalty = 0;        ///< [-2, 2]; times the count in the output
  float presence_penalty = 0;         ///< [-2, 2]; once for a token of the output
  std::int32_t penalty_window = 0;    ///< the repetition penalty sees this many last tokens; 0: all
  std::vector<LogitBias> logit_bias;  ///< distinct ids, at most 4096
  std::optional<std::uint64_t> seed;  ///< none: a random one, reported in the completion
};

/// A sample ends at the smallest of max_tokens, max_length and the model's context. Before the larger minimum is reached
/// end tokens are forbidden and stop strings are ordinary text.
struct LengthOptions {
  std::int32_t max_tokens = 200;           ///< new tokens, > 0
  std::optional<std::int32_t> max_length;  ///< prompt and new tokens, more than the prompt
  std::int32_t min_tokens = 0;             ///< new tokens before any end is accepted, [0, max_tokens]
  std::optional<std::int32_t> min_length;  ///< the same, counting the prompt; [0, max_length]
};

/// Stop strings are matched by bytes, across tokens, in the output after a forced prefix. The one that is complete first
/// ends the sample, the longest of several; text after it in the same token is dropped.
struct StopOptions {
  std::vector<std::string> strings;  ///< non-empty, at most 16384 bytes in all
  std::vector<TokenId> token_ids;    ///< end ids beside the model's own, fewer than 1024
  bool keep_stop = false;            ///< leave the stop text (or the text of the stop token) in the output
};

/// The output is one of these texts (UTF-8).
struct ChoicesConstraint {
  std::vector<std::string> texts;  ///< 1 to 4096, at most 1 MiB in all
  bool operator==(const ChoicesConstraint&) const = default;
};
/// The output as a whole matches a regular expression; its syntax is in docs/constraints.md.
struct RegexConstraint {
  std::string pattern;  ///< at most 64 KiB
  bool operator==(const RegexConstraint&) const = default;
};
/// The output is a JSON text that a JSON Schema accepts; what is supported is in docs/constraints.md.
struct JsonSchemaConstraint {
  std::string schema;      ///< its text, at most 1 MiB
  bool any_order = false;  ///< properties in any order; otherwise in that of the schema
  bool operator==(const JsonSchemaConstraint&) const = default;
};
/// The output is a JSON text, with arrays and objects up to five within each other.
struct JsonConstraint {
  bool operator==(const JsonConstraint&) const = default;
};
/// The output is so many lines "NAME: text", the speakers in turn.
struct DialogueConstraint {
  std::vector<std::string> speakers;  ///< at least one, each a line without its end
  std::int32_t turns = 5;             ///< 1 to 1000
  bool operator==(const DialogueConstraint&) const = default;
};
/// The output is what a constraint of the caller's own allows. Not with beam search.
struct CustomConstraint {
  std::shared_ptr<const Constraint> start;  ///< forked when the request is submitted, and for each sample
  bool operator==(const CustomConstraint&) const = default;
};
using ConstraintSource = std::variant<std::monostate, ChoicesConstraint, RegexConstraint, JsonSchemaConstraint,
                                      JsonConstraint, DialogueConstraint, CustomConstraint>;

/// What the output must begin with and must not contain, and what it must be. Where nothing is left to draw, the sample
/// ends as FinishReason::kDeadEnd; where a limit comes before it is what it must be, as kIncomplete.
struct ControlOptions {
  std::string prefix;                    ///< the output text starts with it; its tokens count as generated ones
  std::vector<std::string> banned_text;  ///< never completed in the output, whatever the tokens; at most 16384 bytes
  std::vector<TokenId> banned_token_ids;
  ConstraintSource constraint;  ///< of the whole output, a prefix included; its end is an end token where it may end

  /// Whether there is anything that may leave no choice but one token.
  [[nodiscard]] bool can_force() const { return constraint.index() != 0 || !prefix.empty(); }
};

/// What the sum of a hypothesis's log-probabilities is divided by; n counts its tokens, the end token too, not the prompt's.
enum class LengthNorm {
  kGnmt,   ///< ((5 + n) / 6)^penalty (Wu et al. 2016)
  kPower,  ///< n^penalty
  kNone,   ///< 1
};

/// When a search ends before its longest length and while beams live.
enum class BeamStopRule {
  kExact,       ///< no live beam can still get among the best, whatever follows
  kFirstK,      ///< width hypotheses have ended
  kHeuristic,   ///< the best live beam, if it ended as it is, would not get among the best
  kNeverEarly,  ///< not before
};

/// Whose beam search to reproduce, token for token: it sets what is not set otherwise.
enum class BeamProfile { kNone, kHuggingFace, kCTranslate2 };

/// Beam search: the texts of highest probability under the model that a search of this width finds, instead of drawn ones. Edits
/// (penalties without a window, bans, bias, lengths, stops, prefix) change the distributions it goes by. The exact semantics are
/// in docs/beam_search.md.
struct BeamOptions {
  std::int32_t width = 1;       ///< live beams, [1, 1024] and at most EngineOptions::max_rows; 1 is greedy
  std::int32_t num_return = 1;  ///< hypotheses returned, [1, width]; fewer where fewer end
  std::optional<LengthNorm> length_norm = {};  ///< none: kGnmt; of both profiles kPower
  std::optional<float> length_penalty = {};    ///< [-6, 6]; none: 0.6; of both profiles 1
  std::optional<BeamStopRule> stop = {};       ///< none: kExact; of kHuggingFace kHeuristic, of kCTranslate2 its own
  BeamProfile profile = BeamProfile::kNone;
  bool sample = false;                ///< beams are drawn, without replacement, after temperature and filters
  std::int32_t diversity_groups = 1;  ///< divides width: each group searches for itself, one after the other
  float diversity_penalty = 0;        ///< >= 0; off a token's rank for each beam of earlier groups that took it
};

/// When a draft becomes part of the output.
enum class SpeculationRule {
  kCoupled,  ///< where it is what would have been drawn: the text is the same with and without drafts
  kRatio,  ///< with probability min(1, p / q): the same distribution, and no rule accepts more; the text is another one
};

/// Speculative decoding: several tokens a step, where the model confirms what was guessed. Guesses come from a small model with
/// the same tokenizer (EngineOptions::draft_model) or from the text itself; tokens that a constraint or prefix leaves no choice about
/// come first. Distributions and rules are those of the request: filters, penalties, constraints, stops. How it is done is in
/// docs/speculation.md.
struct SpeculationOptions {
  SpeculationRule rule = SpeculationRule::kCoupled;
  std::int32_t draft_tokens = 0;  ///< a step, [0, 16]; 0: as many as have paid so far
  std::int32_t prompt_lookup =
      0;  ///< [0, 16]: guess what followed the last so many tokens, or fewer, before; 0: ask the model
  bool draft_forced =
      false;  ///< do not ask the model: what a constraint or prefix, one of which must be given, forces or knows is enough
};

/// Named settings of the guide: default, creative, factual, diverse. Empty for any other name.
[[nodiscard]] FLLM_API std::optional<SamplingOptions> sampling_preset(std::string_view name);

}  // namespace fllm
