// SPDX-License-Identifier: Apache-2.0
#include "cuda/portable/draft_length.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <tuple>

namespace fllm {
namespace {

/// What a sequence of so many tokens comes to when each draft is accepted with a probability, as long as those before it are.
struct Outcome {
  std::int64_t steps = 0, drafted = 0, accepted = 0, tokens = 0;
};

Outcome run(DraftLength length, double acceptance, std::int64_t tokens, std::mt19937& random) {
  Outcome total;
  std::uniform_real_distribution<double> uniform(0, 1);
  while (total.tokens < tokens) {
    const std::int32_t drafted = length.next();
    std::int32_t accepted = 0;
    while (accepted < drafted && uniform(random) < acceptance) ++accepted;
    length.took(drafted, accepted);
    ++total.steps;
    total.drafted += drafted;
    total.accepted += accepted;
    total.tokens += accepted + 1;
  }
  return total;
}

TEST(DraftLength, CostsATwentiethAtMostWhereNothingIsAccepted) {
  std::mt19937 random(1);
  for (const std::int64_t prompt : {1, 6, 20, 130, 5000}) {
    for (const std::int64_t tokens : {1, 7, 19, 20, 100, 1000}) {
      const Outcome all = run(DraftLength(0, prompt), 0, tokens, random);
      EXPECT_LE(20 * all.drafted, prompt + tokens) << prompt << " " << tokens;
    }
  }
  EXPECT_GT(run(DraftLength(0, 1), 0, 1000, random).drafted, 40);  // it goes on trying
}

TEST(DraftLength, PaysItsHeadStartBack) {
  std::mt19937 random(1);
  EXPECT_EQ(DraftLength(0, 1, 4).next(), 2);
  for (const std::int64_t prompt : {1, 6, 79, 80, 400}) {
    for (const std::int64_t tokens : {1, 20, 75, 300, 1000}) {
      const std::int64_t lost = run(DraftLength(0, prompt, 4), 0, tokens, random).drafted;
      EXPECT_LE(lost, std::max<std::int64_t>(4, (prompt + tokens) / 20)) << prompt << " " << tokens;
    }
  }
  EXPECT_EQ(run(DraftLength(0, 6, 4), 0, 60, random).drafted, 4);
  EXPECT_GT(run(DraftLength(0, 6, 4), 0, 1000, random).drafted, 40);
}

TEST(DraftLength, OfATextThatBecomesUnpredictableTheRestCostsLittle) {
  DraftLength length(0, 1);
  for (int i = 0; i < 200; ++i) length.took(length.next(), length.next());
  EXPECT_EQ(length.next(), DraftLength::kMostAutomatic);
  std::mt19937 random(2);
  EXPECT_LE(run(length, 0, 1000, random).drafted, 1000 / 20 + DraftLength::kMostAutomatic);
}

TEST(DraftLength, GrowsWhereItPaysAndIsShortWhereItDoesNot) {
  std::mt19937 random(3);
  const Outcome sure = run(DraftLength(0, 20), 1, 900, random);
  EXPECT_LT(sure.steps, 900 / 7);
  const Outcome good = run(DraftLength(0, 20), 0.8, 2000, random);
  EXPECT_LT(good.steps, 2000 / 2);
  const Outcome poor = run(DraftLength(0, 20), 0.1, 2000, random);
  EXPECT_LT(static_cast<double>(poor.drafted - poor.accepted), 0.08 * 2000);
}

TEST(DraftLength, IsWhatIsMoreLikelyAcceptedThanNot) {
  // 0.71^2 = 0.504, 0.8^3 = 0.512, 0.9^6 = 0.531; the share that is measured wanders around these.
  for (const auto& [acceptance, low, high] :
       {std::tuple(0.3, 1.0, 1.01), {0.71, 1.2, 2.5}, {0.8, 2.0, 4.0}, {0.9, 3.0, 7.0}}) {
    std::mt19937 random(4);
    std::uniform_real_distribution<double> uniform(0, 1);
    DraftLength length(0, 1000);
    double sum = 0;
    for (int step = 0; step < 4000; ++step) {
      const std::int32_t drafted = step % 2 == 0 ? length.next() : 0;  // what is not drafted teaches nothing
      std::int32_t accepted = 0;
      while (accepted < drafted && uniform(random) < acceptance) ++accepted;
      length.took(drafted, accepted);
      sum += std::max(drafted, 1);
    }
    EXPECT_GE(sum / 4000 * 2 - 1, low) << acceptance;
    EXPECT_LE(sum / 4000 * 2 - 1, high) << acceptance;
  }
}

TEST(DraftLength, IsWhatWasAskedFor) {
  DraftLength length(5, 1000);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(length.next(), 5);
    length.took(5, 0);
  }
  EXPECT_EQ(DraftLength::most(5), 5);
  EXPECT_EQ(DraftLength::most(0), DraftLength::kMostAutomatic);
}

}  // namespace
}  // namespace fllm
