// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/engine/speculating_requests.h"

// Guessing ahead changes how many steps a text takes, and nothing else of it.
namespace fllm::test {
namespace {

using ::testing::HasSubstr;

TEST(Speculation, CoupledTextsAreThoseWithoutDrafts) {
  std::vector<Request> requests = requests_of(1000 / kFewer, varied_request);
  Generator plain = open_small({.max_rows = 48});
  const std::vector<Completion> wanted = completions_of(plain, requests);

  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (i % 8 == 0) continue;  // rows without drafts are in the same steps
    requests[i].speculation = lookup(1 + static_cast<std::int32_t>(i) % 4, static_cast<std::int32_t>(i % 6));
  }
  Generator generator = open_small({.max_rows = 24, .prefill_tokens = 32});
  const std::vector<Completion> got = completions_of(generator, requests);
  for (std::size_t i = 0; i < requests.size(); ++i) ASSERT_EQ(all_of(got[i]), all_of(wanted[i])) << i;

  const Metrics metrics = generator.metrics();
  EXPECT_EQ(metrics.blocks_used, 0);
  EXPECT_GT(metrics.speculation.accepted_tokens, 2000 / kFewer);
  EXPECT_LE(metrics.speculation.tokens, metrics.speculation.steps + metrics.speculation.accepted_tokens);
  EXPECT_LT(metrics.steps, plain.metrics().steps * 3);
}

TEST(Speculation, CountsWhatCameOfIt) {
  Generator generator = open_small();
  Request request = request_for("the the the the the the the ", 60);
  request.sampling.temperature = 0;
  request.control.constraint = RegexConstraint{"(the )+"};
  const Completion alone = generator.generate(request).value();
  EXPECT_FALSE(alone.speculation.has_value());
  const std::int64_t before = generator.metrics().steps;

  request.speculation = lookup(4, 4);
  const Completion completion = generator.generate(request).value();
  EXPECT_EQ(all_of(completion), all_of(alone));
  const SpeculationStats stats = completion.speculation.value();
  EXPECT_EQ(stats.tokens, 60);
  EXPECT_EQ(stats.steps, generator.metrics().steps - before);
  EXPECT_EQ(stats.accepted_tokens, stats.drafted_tokens);  // nothing else is allowed
  EXPECT_EQ(stats.acceptance_rate(), 1);
  EXPECT_GT(stats.tokens_per_step(), 4);
  EXPECT_GT(stats.mean_accepted_length(), 3);
  EXPECT_EQ(stats.steps, 1 + (59 + 4) / 5);
}

TEST(Speculation, AnEndWithinABlockCutsWhatFollows) {
  Generator generator = open_small();
  for (const std::int32_t length : {1, 2, 3, 5, 8, 9}) {
    Request request = request_for("ab ab ab ab ab ", length);
    request.control.constraint = RegexConstraint{"(ab )+"};
    request.length.min_tokens = length;
    request.speculation = lookup(3, 16);
    const Sample sample = only_sample(generator, request);
    EXPECT_EQ(sample.text, std::string("ab ab ab ab ab ").substr(0, static_cast<std::size_t>(length)));
    EXPECT_EQ(sample.finish_reason, length % 3 == 0 ? FinishReason::kLength : FinishReason::kIncomplete);
  }
  Request stopped = request_for("ab ab ab ab ab ", 40);
  stopped.control.constraint = RegexConstraint{"(ab )+"};
  stopped.stop.strings = {"b a"};
  stopped.speculation = lookup(3, 16);
  const Sample sample = only_sample(generator, stopped);
  EXPECT_EQ(sample.text, "a");
  EXPECT_EQ(sample.tokens.size(), 4u);
  EXPECT_EQ(sample.finish_reason, FinishReason::kStopString);

  Request full = request_for(std::string(200, 'a'), 100);  // to the end of the context
  full.control.constraint = RegexConstraint{"a+"};
  full.length.min_tokens = 100;
  full.speculation = lookup(3, 16);
  const Sample last = only_sample(generator, full);
  EXPECT_EQ(last.tokens.size(), 56u);
  EXPECT_EQ(last.finish_reason, FinishReason::kContext);
}

TEST(Speculation, NothingIsDraftedThatMayNotCome) {
  Generator generator = open_small();
  Request request = request_for("ab ab ab ab ab ", 12);
  request.control.prefix = "ab aab abb b";
  request.speculation = lookup(2, 5);
  const SpeculationStats stats = generator.generate(request).value().speculation.value();
  EXPECT_EQ(stats.tokens, 12);
  EXPECT_GT(stats.drafted_tokens, 4);
  EXPECT_EQ(stats.accepted_tokens, stats.drafted_tokens);
}

TEST(Speculation, AutomaticCostsLittleOnATextThatCannotBeGuessed) {
  Generator generator = open_small();
  Request request = request_for("ROMEO:", 240);
  request.sampling.temperature = 1000;  // any character, as likely as any other
  request.speculation = lookup(3, 0);
  request.num_samples = 16;
  const Completion completion = generator.generate(request).value();
  const SpeculationStats stats = completion.speculation.value();
  const std::int64_t wasted = stats.drafted_tokens - 2 * stats.accepted_tokens;
  EXPECT_LE(20 * wasted, stats.tokens + 6 * 16);
  EXPECT_GT(stats.drafted_tokens, 0);
}

TEST(Speculation, WhatIsAskedForIsChecked) {
  Generator generator = open_small();
  Request request = request_for("K", 4);
  request.speculation = SpeculationOptions{};
  const Result<RequestId> without = generator.submit(request);
  ASSERT_FALSE(without.has_value());
  EXPECT_THAT(without.error().message, HasSubstr("draft_model"));
  request.speculation = lookup(17, 18);
  request.beam = BeamOptions{};
  const std::vector<std::string> found = violations(request);
  EXPECT_THAT(found,
              ::testing::ElementsAre(HasSubstr("draft_tokens: 18: must be in [1, 16], or 0"),
                                     HasSubstr("prompt_lookup: 17: must be in [0, 16]"),
                                     HasSubstr("prompt_lookup or draft_forced): is not allowed with beam search")));
}

TEST(Speculation, DraftsHaveRoomBeforeTheyAreMade) {
  Generator generator = open_small({.max_rows = 16});  // 128 rows of logits
  Request request = request_for("ROMEO:", 30);
  request.speculation = lookup(2, 16);
  std::vector<Request> requests(9, request);
  std::vector<RequestId> ids;
  ids.reserve(requests.size());
  for (const Request& each : requests) ids.push_back(generator.submit(each).value());
  (void)generator.step().value();
  EXPECT_EQ(generator.metrics().running_rows, 7);  // of 17 rows each
  EXPECT_EQ(generator.metrics().queued_requests, 2);
  generator.drain().value();
  const std::string wanted = all_of(generator.take(ids[0]).value());
  for (std::size_t i = 1; i < ids.size(); ++i) EXPECT_EQ(all_of(generator.take(ids[i]).value()), wanted);
}

}  // namespace
}  // namespace fllm::test
