// SPDX-License-Identifier: Apache-2.0
#include "host/engine/beam_plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "fundamentallm/result.h"

namespace fllm {
namespace {

BeamStop device_rule(BeamStopRule rule) {
  switch (rule) {
    case BeamStopRule::kExact:
      return BeamStop::kExact;
    case BeamStopRule::kFirstK:
      return BeamStop::kFirstK;
    case BeamStopRule::kHeuristic:
      return BeamStop::kHeuristic;
    case BeamStopRule::kNeverEarly:
      return BeamStop::kNeverEarly;
  }
  return BeamStop::kExact;
}

/// There are enough where every end id of every beam is among them, and one where the most likely token is all that is wanted;
/// the profiles have their own numbers.
std::int64_t candidate_count(const BeamOptions& options, std::size_t end_id_count) {
  if (options.width == 1) return 1;
  const auto each = static_cast<std::int64_t>(end_id_count) + 1;
  switch (options.profile) {
    case BeamProfile::kNone:
      return each * options.width;
    case BeamProfile::kHuggingFace:
      return std::max<std::int64_t>(2, each) * options.width;
    case BeamProfile::kCTranslate2:
      return std::int64_t{2} * options.width;
  }
  return each * options.width;
}

/// What ends the search. Hugging Face's "never" bounds what a live beam may still reach where longer texts score higher, and else
/// takes it as it is; CTranslate2 has one rule for each kind of score.
BeamStop stop_rule(const BeamOptions& options, float penalty) {
  switch (options.profile) {
    case BeamProfile::kHuggingFace:
      if (options.stop != BeamStopRule::kNeverEarly)
        return device_rule(options.stop.value_or(BeamStopRule::kHeuristic));
      return penalty > 0 ? BeamStop::kExact : BeamStop::kHeuristic;
    case BeamProfile::kCTranslate2:
      return penalty == 0 ? BeamStop::kLeader : BeamStop::kFirstK;
    case BeamProfile::kNone:
      break;
  }
  return device_rule(options.stop.value_or(BeamStopRule::kExact));
}

}  // namespace

BeamArrays::BeamArrays(const BeamPlan& plan) {
  constexpr std::size_t kAlignment = 64;
  const auto place = [this](std::size_t size) {
    const std::size_t at = bytes;
    bytes += (size + kAlignment - 1) / kAlignment * kAlignment;
    return at;
  };
  cum = place(plan.width() * sizeof(float));
  mask_states = place(plan.width() * sizeof(std::int32_t));
  stop_states = place(plan.width() * sizeof(std::int32_t));
  pool = place(plan.width() * sizeof(BeamHypothesis));
  tokens = place(plan.entries() * sizeof(std::int32_t));
  logprobs = place(plan.entries() * sizeof(float));
  parents = place(plan.entries() * sizeof(std::uint16_t));
  ancestors = place(plan.entries() * static_cast<std::size_t>(plan.entry_bytes()));
}

std::vector<float> length_norms(LengthNorm norm, double penalty, std::int32_t max_length) {
  std::vector<float> norms;
  norms.reserve(static_cast<std::size_t>(max_length) + 1);
  for (std::int32_t n = 0; n <= max_length; ++n) {
    double value = 1;
    if (norm == LengthNorm::kGnmt) value = std::pow((5.0 + n) / 6.0, penalty);
    if (norm == LengthNorm::kPower) value = std::pow(static_cast<double>(n), penalty);
    constexpr auto kSmallest = static_cast<double>(std::numeric_limits<float>::min());
    constexpr auto kLargest = static_cast<double>(std::numeric_limits<float>::max());
    norms.push_back(static_cast<float>(std::clamp(value, kSmallest, kLargest)));  // of length 0 alone it may be neither
  }
  return norms;
}

BeamPlan plan_beams(const BeamOptions& options, std::int32_t max_length, std::size_t end_id_count) {
  const bool profile = options.profile != BeamProfile::kNone;
  BeamPlan plan;
  const std::int64_t candidates = candidate_count(options, end_id_count);
  if (candidates > kMaxBeamCandidates) {
    throw Exception(ErrorCode::kInvalidArgument,
                    "beam_width: " + std::to_string(options.width) + ": with " + std::to_string(end_id_count) +
                        " end ids a step has " + std::to_string(candidates) + " candidates; at most " +
                        std::to_string(kMaxBeamCandidates) + " are allowed: take fewer beams or stop_token_ids");
  }
  BeamRules& rules = plan.rules;
  rules.width = options.width;
  rules.candidate_count = static_cast<std::int32_t>(candidates);
  rules.group_count = options.diversity_groups;
  rules.diversity_penalty = options.diversity_penalty;
  rules.max_length = max_length;
  rules.sampled = options.sample ? 1 : 0;
  const float penalty = options.length_penalty.value_or(profile ? 1.0f : 0.6f);
  rules.stop = stop_rule(options, penalty);
  rules.edits_after_softmax = options.profile == BeamProfile::kHuggingFace ? 1 : 0;
  rules.stop_count = options.num_return;
  const LengthNorm norm = options.length_norm.value_or(profile ? LengthNorm::kPower : LengthNorm::kGnmt);
  plan.norms = length_norms(norm, static_cast<double>(penalty), max_length);
  plan.num_return = options.num_return;
  return plan;
}

}  // namespace fllm
