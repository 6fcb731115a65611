// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/engine/speculating_requests.h"
#include "tests/support/g_test.h"

// Text that is known is guessed to be spelled in the likely way: it saves steps where the model agrees, and changes nothing else.
namespace fllm::test {
namespace {

/// Behind ':' and ',' a space is guessed, and what it makes certain.
Request layout_request(int i) {
  static const std::string kPatterns[] = {"([a-d]{2}:[ \\n]?(then|that)?, ?)+", "(a,( b|\\nc|d):( ?you)? ?){4,}",
                                          "([a-z],[ a-z]){9,}", "(so: ?[a-z]+,? ?;\\n?)+"};
  Request request = varied_request(i);
  request.length.max_tokens = 30 + i % 40;
  request.control = {};
  request.control.constraint = RegexConstraint{kPatterns[i % 4]};
  if (i % 5 == 1) request.control.prefix = i % 4 == 0 ? "ab: th" : i % 4 == 1 ? "a," : "";
  if (i % 6 == 5) request.control.banned_text = {", t", ": y", "th"};
  return request;
}

TEST(SpelledDrafts, ChangeNoText) {
  std::vector<Request> requests = requests_of(160 / kFewer, layout_request);
  const std::vector<Completion> got = unchanged_by_drafts(requests, [](auto) { return SpeculationRule::kCoupled; });
  std::int64_t drafted = 0, accepted = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (!requests[i].speculation->draft_forced) continue;
    drafted += got[i].speculation->drafted_tokens;
    accepted += got[i].speculation->accepted_tokens;
  }
  EXPECT_GT(accepted, 400 / kFewer);
  EXPECT_GT(drafted - accepted, 100 / kFewer);  // guesses are refused
}

/// Whatever is guessed, texts come as often as their probabilities say.
TEST(SpelledDrafts, RatioKeepsTheDistribution) {
  Generator generator = open_small({.max_rows = 64});
  Request request = request_for("K", 12);
  request.sampling.temperature = 8;
  request.num_samples = 64;
  request.control.constraint = RegexConstraint{"[ab](:[ cd]){2}"};
  std::map<std::string, double> probabilities;
  request.logprobs = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    request.sampling.seed = 1000 + seed;
    for (const Sample& sample : generator.generate(request).value().samples) {
      double sum = 0;
      for (const TokenDetail& token : sample.details) sum += static_cast<double>(token.drawn.processed);
      probabilities[sample.text] = std::exp(sum);
    }
  }
  ASSERT_EQ(probabilities.size(), 18u);
  request.logprobs = -1;
  request.speculation = forced_alone(4, SpeculationRule::kRatio);
  std::map<std::string, std::uint64_t> counts;
  std::int64_t refused = 0, drafted = 0;
  for (std::uint64_t seed = 0; seed < 64 / kFewer; ++seed) {
    request.sampling.seed = seed;
    const Completion completion = generator.generate(request).value();
    for (const Sample& sample : completion.samples) ++counts[sample.text];
    drafted += completion.speculation->drafted_tokens;
    refused += completion.speculation->drafted_tokens - completion.speculation->accepted_tokens;
  }
  EXPECT_GT(4 * refused, drafted);
  EXPECT_LT(refused, drafted);
  std::vector<std::uint64_t> found;
  std::vector<double> wanted;
  for (const auto& [text, probability] : probabilities) {
    found.push_back(counts[text]);
    wanted.push_back(probability);
  }
  expect_frequencies(found, wanted, "texts with guessed spellings");
}

/// Each space is as likely as any other letter, so that most guesses are wrong.
Request unlikely_spaces() {
  Request request = request_for("K", 200);
  request.sampling.temperature = 1000;
  request.control.constraint = RegexConstraint{"([a-z],[ a-z]){80,}"};
  request.num_samples = 8;
  return request;
}

TEST(SpelledDrafts, HaveToPay) {
  Generator generator = open_small();
  Request request = unlikely_spaces();
  request.speculation = forced_alone(0);
  const SpeculationStats stats = generator.generate(request).value().speculation.value();
  // A third is forced commas, which hold, and what is guessed costs four tokens and a twentieth.
  const std::int64_t refused = stats.drafted_tokens - stats.accepted_tokens;
  EXPECT_GT(refused, 4 * 8);
  EXPECT_LE(20 * refused, 20 * 4 * 8 + 2 * stats.tokens);
  request.speculation = forced_alone(8);  // a number that was given is not doubted
  const SpeculationStats fixed = generator.generate(request).value().speculation.value();
  EXPECT_GT(fixed.drafted_tokens - fixed.accepted_tokens, stats.tokens / 4);
}

/// Nor do refused look-ups keep what is known from being guessed.
TEST(SpelledDrafts, PayForThemselvesAlone) {
  Generator generator = open_small();
  Request request = request_for("K", 200);
  request.sampling.temperature = 1000;
  request.control.constraint = RegexConstraint{"([a-z]{4}:[ \\n]then )+"};
  request.control.banned_text = {":\n"};  // so that the guess is always right
  request.speculation = forced_alone(0);
  const SpeculationStats alone = generator.generate(request).value().speculation.value();
  EXPECT_EQ(alone.accepted_tokens, alone.drafted_tokens);
  request.speculation = lookup(1, 0);
  const SpeculationStats both = generator.generate(request).value().speculation.value();
  EXPECT_LT(both.accepted_tokens, both.drafted_tokens);
  EXPECT_LE(both.steps, alone.steps);
}

}  // namespace
}  // namespace fllm::test
