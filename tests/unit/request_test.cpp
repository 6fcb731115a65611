// SPDX-License-Identifier: Apache-2.0
#include "fundamentallm/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>

#include "fundamentallm/names.h"

namespace fllm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TEST(Violations, TheDefaultHasNone) { EXPECT_THAT(violations(Request{}), ElementsAre()); }

TEST(Violations, NegativeAndOffValuesThatMeanSomethingAreFine) {
  Request request;
  request.sampling.temperature = 0;
  request.sampling.top_k = -1;
  request.sampling.top_p = 0;
  request.sampling.frequency_penalty = -2;
  request.sampling.presence_penalty = 2;
  EXPECT_THAT(violations(request), ElementsAre());
}

TEST(Violations, AllAreListedWithNameValueAndWhatIsAllowed) {
  Request request;
  request.num_samples = 0;
  request.logprobs = 33;
  request.sampling.temperature = NAN;
  request.sampling.top_p = -0.5f;
  request.sampling.min_p = 1.5f;
  request.sampling.repetition_penalty = 0;
  request.sampling.frequency_penalty = INFINITY;
  request.sampling.presence_penalty = -2.5f;
  request.sampling.penalty_window = -1;
  request.sampling.logit_bias = {{3, INFINITY}, {3, 1}, {-1, 0}};
  request.length.max_tokens = 0;
  request.length.min_tokens = -1;
  request.length.max_length = 4;
  request.length.min_length = 5;
  request.stop.strings = {"a", ""};
  request.stop.token_ids = {-2};
  request.control.prefix = "no ban here";
  request.control.banned_text = {"ban", std::string(20000, 'x')};
  request.control.banned_token_ids = {-3};
  EXPECT_THAT(violations(request),
              ElementsAre(StartsWith("num_samples: 0: must be in [1, 4096]"), StartsWith("logprobs: 33: "),
                          AllOf(StartsWith("temperature: "), HasSubstr("nan")), StartsWith("top_p: -0.5: "),
                          StartsWith("min_p: 1.5: "), StartsWith("repetition_penalty: 0: "),
                          StartsWith("frequency_penalty: inf: "), StartsWith("presence_penalty: -2.5: "),
                          StartsWith("penalty_window: -1: "), StartsWith("logit_bias: inf: "),
                          StartsWith("logit_bias: 3: given more than once"), StartsWith("logit_bias: -1: "),
                          StartsWith("max_tokens: 0: "), StartsWith("min_tokens: -1: "), StartsWith("min_length: 5: "),
                          StartsWith("stop_strings: \"\": "), StartsWith("stop_token_ids: -2: "),
                          StartsWith("banned_text: 20003: "), StartsWith("prefix: \"no ban here\": contains"),
                          StartsWith("banned_token_ids: -3: ")));
}

TEST(Violations, OfAModelsSizeNameTheIdsItLacks) {
  Request request;
  request.prompt = std::vector<TokenId>{68, 69};
  request.sampling.logit_bias = {{70, 1}, {68, 1}};
  request.stop.token_ids = {71, 68};
  request.control.banned_token_ids = {68, 72};
  request.length.max_tokens = 0;
  EXPECT_THAT(violations(request, 69), ElementsAre(StartsWith("prompt: 69: "), StartsWith("logit_bias: 70: "),
                                                   StartsWith("max_tokens: 0: "), StartsWith("stop_token_ids: 71: "),
                                                   "banned_token_ids: 72: token ids of this model are below 69"));
  EXPECT_THAT(violations(request), ElementsAre(StartsWith("max_tokens: 0: ")));
}

TEST(Violations, BeamSearchHasItsOwn) {
  Request request;
  request.beam = BeamOptions{};
  EXPECT_THAT(violations(request), ElementsAre());
  request.sampling.temperature = 0;
  EXPECT_THAT(violations(request), ElementsAre());
  request.num_samples = 2;
  request.logprobs = 1;
  request.sampling.temperature = 0.5f;
  request.sampling.top_k = 5;
  request.sampling.top_p = 0.5f;
  request.sampling.min_p = 0.5f;
  request.sampling.penalty_window = 4;
  request.beam->width = 1025;
  request.beam->num_return = 0;
  request.beam->length_norm = LengthNorm::kNone;
  request.beam->length_penalty = NAN;
  request.beam->stop = BeamStopRule::kExact;
  request.beam->profile = BeamProfile::kCTranslate2;
  request.beam->diversity_groups = 2;
  request.beam->diversity_penalty = -1;
  EXPECT_THAT(violations(request), ElementsAre(StartsWith("beam_width: 1025: "), StartsWith("num_return: 0: "),
                                               StartsWith("length_penalty: "), StartsWith("length_norm: none: "),
                                               StartsWith("beam_stop: given: "), StartsWith("diversity_groups: 2: "),
                                               StartsWith("diversity_penalty: -1: "), StartsWith("temperature: 0.5: "),
                                               StartsWith("top_k: 5: "), StartsWith("top_p: 0.5: "),
                                               StartsWith("min_p: 0.5: "), StartsWith("penalty_window: 4: "),
                                               StartsWith("num_samples: 2: "), StartsWith("logprobs: 1: ")));
  Request drawn;
  drawn.sampling.temperature = 0;
  drawn.beam = BeamOptions{.width = 4, .sample = true, .diversity_groups = 2, .diversity_penalty = 1};
  EXPECT_THAT(violations(drawn), ElementsAre(StartsWith("diversity_groups: 2: "), StartsWith("temperature: 0: ")));
}

template <Named Enum>
void expect_names(std::initializer_list<std::pair<Enum, std::string_view>> all) {
  EXPECT_EQ(kNames<Enum>.size(), all.size());
  for (const auto& [value, name] : all) {
    EXPECT_EQ(to_string(value), name);
    EXPECT_EQ(value_named<Enum>(name), value);
  }
  EXPECT_EQ(value_named<Enum>(""), std::nullopt);
  EXPECT_EQ(value_named<Enum>("best"), std::nullopt);
}

TEST(Names, AreThoseOfTheValues) {
  expect_names<LengthNorm>({{LengthNorm::kGnmt, "gnmt"}, {LengthNorm::kPower, "power"}, {LengthNorm::kNone, "none"}});
  expect_names<BeamStopRule>({{BeamStopRule::kExact, "exact"},
                              {BeamStopRule::kFirstK, "first-k"},
                              {BeamStopRule::kHeuristic, "heuristic"},
                              {BeamStopRule::kNeverEarly, "never-early"}});
  expect_names<BeamProfile>(
      {{BeamProfile::kNone, "none"}, {BeamProfile::kHuggingFace, "hf"}, {BeamProfile::kCTranslate2, "ctranslate2"}});
  expect_names<SpeculationRule>({{SpeculationRule::kCoupled, "coupled"}, {SpeculationRule::kRatio, "ratio"}});
  EXPECT_EQ(all_names<LengthNorm>(), "gnmt, power, none");
}

TEST(Presets, HaveTheValuesOfTheGuide) {
  const SamplingOptions usual = sampling_preset("default").value();
  EXPECT_EQ(usual.temperature, 0.8f);
  EXPECT_EQ(usual.top_k, 50);
  EXPECT_EQ(usual.top_p, 0.9f);
  const SamplingOptions creative = sampling_preset("creative").value();
  EXPECT_EQ(creative.temperature, 1.0f);
  EXPECT_EQ(creative.top_k, 0);
  EXPECT_EQ(creative.top_p, 0.95f);
  EXPECT_EQ(creative.repetition_penalty, 1.1f);
  const SamplingOptions factual = sampling_preset("factual").value();
  EXPECT_EQ(factual.temperature, 0.5f);
  EXPECT_EQ(factual.top_k, 20);
  EXPECT_EQ(factual.top_p, 0.85f);
  const SamplingOptions diverse = sampling_preset("diverse").value();
  EXPECT_EQ(diverse.temperature, 1.2f);
  EXPECT_EQ(diverse.top_p, 0.95f);
  EXPECT_EQ(diverse.repetition_penalty, 1.3f);
  EXPECT_FALSE(sampling_preset("Default").has_value());
}

TEST(FinishReason, HasTheNamesOfTheOutputFormat) {
  EXPECT_EQ(to_string(FinishReason::kEos), "eos");
  EXPECT_EQ(to_string(FinishReason::kStopToken), "stop_token");
  EXPECT_EQ(to_string(FinishReason::kStopString), "stop_string");
  EXPECT_EQ(to_string(FinishReason::kLength), "length");
  EXPECT_EQ(to_string(FinishReason::kContext), "context");
  EXPECT_EQ(to_string(FinishReason::kCancelled), "cancelled");
  EXPECT_EQ(to_string(FinishReason::kError), "error");
  EXPECT_EQ(to_string(FinishReason::kIncomplete), "incomplete");
  EXPECT_EQ(to_string(FinishReason::kDeadEnd), "dead_end");
}

}  // namespace
}  // namespace fllm
