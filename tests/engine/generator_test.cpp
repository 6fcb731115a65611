// SPDX-License-Identifier: Apache-2.0
#include "fundamentallm/generator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/engine/bundled_model.h"

namespace fllm::test {
namespace {

TEST(Generator, ReportsTheModel) {
  const Generator generator = open_bundled();
  EXPECT_EQ(generator.info().vocab_size, 69);
  EXPECT_EQ(generator.info().context_length, 256);
  EXPECT_EQ(generator.info().parameter_count, 1229824);
  EXPECT_EQ(generator.decode(generator.encode("ROMEO:").value()).value(), "ROMEO:");
}

TEST(Generator, GreedyTextIsStable) {
  Generator generator = open_bundled();
  Request request = request_for("ROMEO:", 12);
  request.sampling.temperature = 0;
  const Sample first = only_sample(generator, request);
  EXPECT_EQ(first.text, "\nWhat shall ");
  request.sampling.seed = 99;
  EXPECT_EQ(only_sample(generator, request).tokens, first.tokens);
}

TEST(Generator, EventsAddUpToTheText) {
  Generator generator = open_bundled();
  Request request = request_for("ROMEO:", 80);
  request.stop.strings = {"the", "\n\n"};
  std::string shown;
  std::vector<TokenId> tokens;
  FinishReason reason = FinishReason::kNone;
  const Completion completion = generator
                                    .generate(request,
                                              [&](const StepEvent& event) {
                                                shown += event.text;
                                                if (event.token) tokens.push_back(*event.token);
                                                reason = event.finish_reason;
                                                return true;
                                              })
                                    .value();
  EXPECT_EQ(shown, completion.samples[0].text);
  EXPECT_EQ(tokens, completion.samples[0].tokens);
  EXPECT_EQ(reason, completion.samples[0].finish_reason);
  EXPECT_EQ(completion.usage.prompt_tokens, 6);
  EXPECT_EQ(completion.usage.completion_tokens, static_cast<std::int64_t>(tokens.size()));
}

TEST(Generator, EventsCarryTheLogProbabilitiesOfTheirTokens) {
  Generator generator = open_bundled();
  Request request = request_for("ROMEO:", 20);
  request.stop.strings = {"never in this text"};  // holds text back, but no token
  request.logprobs = 2;
  std::vector<TokenDetail> details;
  const auto keep = [&](const StepEvent& event) { return details.push_back(event.detail.value()), true; };
  const std::vector<TokenDetail> wanted = generator.generate(request, keep).value().samples[0].details;
  ASSERT_EQ(details.size(), 20u);
  ASSERT_EQ(wanted.size(), 20u);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(details[i].drawn.id, wanted[i].drawn.id);
    EXPECT_EQ(details[i].drawn.raw, wanted[i].drawn.raw);
    ASSERT_EQ(details[i].top.size(), 2u);
    EXPECT_EQ(details[i].top[1].raw, wanted[i].top[1].raw);
  }
  request.logprobs = -1;
  bool is_without = true;
  (void)generator.generate(request, [&](const StepEvent& event) { return is_without = is_without && !event.detail; });
  EXPECT_TRUE(is_without);
}

TEST(Generator, StopStringsAcrossTokensAreCutOrKept) {
  Generator generator = open_bundled();
  const std::string whole = only_sample(generator, request_for("ROMEO:", 120)).text;
  const std::string stop = whole.substr(20, 7);
  Request request = request_for("ROMEO:", 120);
  request.stop.strings = {stop, "never in this text"};
  const Sample cut = only_sample(generator, request);
  EXPECT_EQ(cut.text, whole.substr(0, whole.find(stop)));
  EXPECT_EQ(cut.finish_reason, FinishReason::kStopString);
  request.stop.keep_stop = true;
  EXPECT_EQ(only_sample(generator, request).text, whole.substr(0, whole.find(stop) + stop.size()));
}

TEST(Generator, MinimumHoldsBackEveryEnd) {
  Generator generator = open_bundled();
  Request request = request_for("ROMEO:", 60);
  request.sampling.logit_bias = {{3, 100}};  // the end token
  EXPECT_EQ(only_sample(generator, request).finish_reason, FinishReason::kEos);
  request.length.min_tokens = 17;
  const Sample sample = only_sample(generator, request);
  EXPECT_EQ(sample.tokens.size(), 18u);
  EXPECT_EQ(sample.tokens.back(), 3);
  EXPECT_EQ(std::count(sample.tokens.begin(), sample.tokens.end(), 3), 1);
}

TEST(Generator, TheContextEndsASample) {
  Generator generator = open_bundled();
  Request request = request_for("ROMEO:", 1000);
  request.length.min_tokens = 1000;
  const Sample sample = only_sample(generator, request);
  EXPECT_EQ(sample.finish_reason, FinishReason::kContext);
  EXPECT_EQ(sample.tokens.size(), 250u);
}

TEST(Generator, PrefixIsForcedAndBansHold) {
  Generator generator = open_bundled();
  Request request = request_for("ROMEO:", 100);
  request.control.prefix = " Thus with a kiss";
  EXPECT_TRUE(only_sample(generator, request).text.starts_with(request.control.prefix));
  request.control.prefix.clear();
  request.control.banned_text = {"th", "e ", "\n"};
  const std::string text = only_sample(generator, request).text;
  for (const std::string& banned : request.control.banned_text)
    EXPECT_EQ(text.find(banned), std::string::npos) << banned;
}

TEST(Generator, LogprobsAreThoseOfTheDrawnTokens) {
  Generator generator = open_bundled();
  Request request = request_for("ROMEO:", 20);
  request.logprobs = 5;
  request.sampling.temperature = 0.7f;
  request.sampling.top_k = 4;
  const Sample sample = only_sample(generator, request);
  ASSERT_EQ(sample.details.size(), sample.tokens.size());
  double sum = 0;
  for (std::size_t i = 0; i < sample.tokens.size(); ++i) {
    const TokenDetail& detail = sample.details[i];
    EXPECT_EQ(detail.drawn.id, sample.tokens[i]);
    EXPECT_LT(detail.rank, 4);
    ASSERT_EQ(detail.top.size(), 5u);
    EXPECT_EQ(detail.top[static_cast<std::size_t>(detail.rank)].id, detail.drawn.id);
    EXPECT_TRUE(std::isinf(detail.top[4].processed));
    sum += detail.drawn.raw;
  }
  EXPECT_DOUBLE_EQ(sample.sum_logprob, sum);
  EXPECT_DOUBLE_EQ(sample.mean_logprob, sum / static_cast<double>(sample.tokens.size()));
}

}  // namespace
}  // namespace fllm::test
