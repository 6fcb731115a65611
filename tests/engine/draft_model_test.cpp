// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "tests/engine/speculating_requests.h"
#include "tests/support/g_test.h"
#include "tests/support/temporary_folder.h"

// A small model guesses for a big one.
namespace fllm::test {
namespace {

using ::testing::HasSubstr;

SpeculationOptions drafted(std::int32_t tokens, SpeculationRule rule = SpeculationRule::kCoupled) {
  return {.rule = rule, .draft_tokens = tokens};
}

std::vector<Request> speculating(int count, SpeculationRule rule) {
  return requests_of(count, [rule](int i) {
    Request request = varied_request(i);
    request.speculation = drafted(i % 7, rule);
    if (i % 3 == 2) request.speculation->prompt_lookup = 3;
    return request;
  });
}

TEST(DraftModel, ThatIsTheModelItselfIsAlwaysRight) {
  Generator generator = open_small({.max_rows = 24, .prefill_tokens = 32, .draft_model = kSmallModel});
  for (const SpeculationRule rule : {SpeculationRule::kCoupled, SpeculationRule::kRatio}) {
    const std::vector<Request> requests = requests_of(60 / kFewer, [rule](int i) {
      Request request = varied_request(i);
      request.speculation = drafted(1 + i % 16, rule);
      return request;
    });
    for (const Completion& completion : completions_of(generator, requests)) {
      const SpeculationStats stats = completion.speculation.value();
      if (completion.samples.size() > 1 || completion.samples[0].finish_reason == FinishReason::kStopString) continue;
      EXPECT_EQ(stats.accepted_tokens, stats.drafted_tokens);
      EXPECT_GE(stats.tokens + 1, stats.steps + stats.accepted_tokens);
    }
  }
  EXPECT_GT(generator.metrics().speculation.acceptance_rate(), 0.9);
}

TEST(DraftModel, CoupledTextsAreThoseWithoutIt) {
  std::vector<Request> requests = speculating(100 / kFewer, SpeculationRule::kCoupled);
  Generator generator = open_bundled({.threads = 1, .max_rows = 16, .prefill_tokens = 32, .draft_model = kSmallModel});
  const std::vector<Completion> got = completions_of(generator, requests);
  for (Request& request : requests) request.speculation.reset();
  Generator plain = open_bundled({.threads = 1, .max_rows = 16});
  const std::vector<Completion> wanted = completions_of(plain, requests);
  for (std::size_t i = 0; i < requests.size(); ++i) ASSERT_EQ(all_of(got[i]), all_of(wanted[i])) << i;
  EXPECT_GT(generator.metrics().speculation.acceptance_rate(), 0.4);
  EXPECT_EQ(generator.metrics().blocks_used, 0);
}

TEST(DraftModel, RatioTextsDependOnTheirRequestAlone) {
  const std::vector<Request> requests = speculating(60 / kFewer, SpeculationRule::kRatio);
  Generator many = open_bundled({.threads = 1, .max_rows = 16, .prefill_tokens = 32, .draft_model = kSmallModel});
  const std::vector<Completion> got = completions_of(many, requests);
  Generator alone = open_bundled({.threads = 1, .max_rows = 3, .prefix_cache = false, .draft_model = kSmallModel});
  for (std::size_t i = 0; i < requests.size(); ++i) {
    ASSERT_EQ(all_of(got[i]), all_of(alone.generate(requests[i]).value())) << i;
  }
}

TEST(DraftModel, RatioIsGreedyWhereTheModelIs) {
  Generator generator = open_bundled({.threads = 1, .draft_model = kSmallModel});
  for (int i = 0; i < 10 / kFewer; ++i) {
    Request request = varied_request(i);
    request.sampling.temperature = 0;
    const std::string wanted = all_of(generator.generate(request).value());
    request.speculation = drafted(1 + i, SpeculationRule::kRatio);
    EXPECT_EQ(all_of(generator.generate(request).value()), wanted) << i;
  }
}

/// Texts of five letters of three, with their probability by the draws' own log-probabilities.
void expect_the_distribution_of_the_model(const SpeculationOptions& speculation, const std::string& prompt) {
  Generator generator = open_bundled({.threads = 1, .max_rows = 256, .draft_model = kSmallModel});
  constexpr std::int32_t kSamples = 1024;
  Request request = request_for(prompt, 5);
  request.num_samples = kSamples;
  request.length.min_tokens = 5;
  request.logprobs = 0;
  request.sampling.temperature = 2;
  request.sampling.frequency_penalty = 0.5f;
  request.control.constraint = RegexConstraint{"[aet]{5,9}"};
  request.speculation = speculation;
  const Completion completion = generator.generate(request).value();
  std::map<std::string, std::uint64_t> counts;
  std::map<std::string, double> probabilities;
  for (const Sample& sample : completion.samples) {
    double logprob = 0;
    for (const TokenDetail& detail : sample.details) logprob += static_cast<double>(detail.drawn.processed);
    probabilities[sample.text] = std::exp(logprob);
    ++counts[sample.text];
  }
  std::vector<std::uint64_t> observed{kSamples};  // first the rare ones together, those that never came too
  std::vector<double> expected{1};
  for (const auto& [text, count] : counts) {
    if (probabilities[text] * kSamples < 20) continue;
    observed.push_back(count);
    expected.push_back(probabilities[text]);
    observed[0] -= count;
    expected[0] -= probabilities[text];
  }
  expect_frequencies(observed, expected, "texts of five letters");
  EXPECT_GT(completion.speculation->accepted_tokens, 0);
  EXPECT_LT(completion.speculation->accepted_tokens, completion.speculation->drafted_tokens);
}

TEST(DraftModel, RatioKeepsTheDistribution) {
  if (kFewer > 1) GTEST_SKIP() << "distributions are counted in optimised programs";
  expect_the_distribution_of_the_model(drafted(3, SpeculationRule::kRatio), "the ");
}

TEST(DraftModel, RatioKeepsTheDistributionWithChosenDrafts) {
  if (kFewer > 1) GTEST_SKIP() << "distributions are counted in optimised programs";
  SpeculationOptions speculation = lookup(2, 3);
  speculation.rule = SpeculationRule::kRatio;
  expect_the_distribution_of_the_model(speculation, "tea ate eat tat ");
}

TEST(DraftModel, RatioReportsTheModelsLogprobs) {
  Generator generator = open_bundled({.threads = 1, .draft_model = kSmallModel});
  for (int i = 0; i < 4; ++i) {
    Request request = request_for("ROMEO:\nAy, ", 24);
    request.sampling.seed = static_cast<std::uint64_t>(i);
    request.length.min_tokens = 24;
    request.logprobs = 2;
    request.speculation = drafted(5, SpeculationRule::kRatio);
    const Sample sample = only_sample(generator, request);
    Request forced = request;
    forced.speculation.reset();
    forced.control.constraint = ChoicesConstraint{{sample.text}};
    const Sample wanted = only_sample(generator, forced);
    ASSERT_EQ(sample.text, wanted.text);
    EXPECT_EQ(sample.sum_logprob, wanted.sum_logprob);
    for (std::size_t k = 0; k < sample.details.size(); ++k) {
      EXPECT_EQ(sample.details[k].drawn.id, sample.tokens[k]);
      EXPECT_EQ(sample.details[k].drawn.raw, wanted.details[k].drawn.raw) << k;
      for (const TokenLogprob& top : sample.details[k].top) {
        const bool is_drawn = top.id == sample.tokens[k];
        EXPECT_TRUE(!is_drawn || top.processed == sample.details[k].drawn.processed) << k;
      }
    }
  }
}

TEST(DraftModel, MustHaveTheSameTokens) {
  const TemporaryFolder folder;
  std::ifstream file(std::string(kSmallModel) + "/tokenizer.json", std::ios::binary);
  std::string tokenizer(std::istreambuf_iterator<char>(file), {});
  const auto replace = [&tokenizer](const std::string& from, const std::string& to) {
    tokenizer.replace(tokenizer.find(from), from.size(), to);
  };
  replace("\"!\": 6", "\"!\": 7");
  replace("\"$\": 7", "\"$\": 6");
  (void)folder.write("tokenizer.json", tokenizer);
  std::filesystem::copy_file(std::string(kSmallModel) + "/model.pt", folder.path("model.pt"));
  const Result<Generator> opened =
      Generator::open(kSmallModel, {.device = "cpu", .threads = 1, .draft_model = folder.path("model.pt")});
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(opened.error().message, HasSubstr("token 6 is \"$\", and in the model \"!\""));
  const Result<Generator> missing = Generator::open(kSmallModel, {.device = "cpu", .draft_model = folder.path("none")});
  ASSERT_FALSE(missing.has_value());
  EXPECT_THAT(missing.error().message, HasSubstr("draft_model: "));
}

}  // namespace
}  // namespace fllm::test
