// SPDX-License-Identifier: Apache-2.0
#include "host/engine/prompt_lookup.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tests/support/plain_look_up.h"

namespace fllm {
namespace {

std::vector<TokenId> drafts_of(const std::vector<TokenId>& text, std::int32_t max_ngram, std::int32_t count) {
  std::vector<TokenId> drafts;
  look_up(text, max_ngram, count, drafts);
  return drafts;
}

TEST(PromptLookup, TakesTheLongestMatchThenTheLatest) {
  EXPECT_EQ(drafts_of({1, 2, 3, 9, 2, 3, 7, 2, 3}, 2, 2), (std::vector<TokenId>{7, 2}));
  EXPECT_EQ(drafts_of({1, 2, 3, 9, 2, 5, 3, 8, 1, 2, 3}, 3, 3), (std::vector<TokenId>{9, 2, 5}));
  EXPECT_EQ(drafts_of({1, 2, 3, 9, 2, 5, 3, 8, 1, 2, 3}, 1, 1), (std::vector<TokenId>{8}));
}

TEST(PromptLookup, RepeatsWhatReachesTheEnd) {
  EXPECT_EQ(drafts_of({5, 5}, 3, 4), (std::vector<TokenId>{5, 5, 5, 5}));
  EXPECT_EQ(drafts_of({1, 2, 1, 2}, 3, 5), (std::vector<TokenId>{1, 2, 1, 2, 1}));
}

TEST(PromptLookup, HasNothingForWhatIsNew) {
  EXPECT_TRUE(drafts_of({}, 3, 4).empty());
  EXPECT_TRUE(drafts_of({1}, 3, 4).empty());
  EXPECT_TRUE(drafts_of({1, 2, 3}, 3, 4).empty());
  EXPECT_TRUE(drafts_of({1, 1}, 3, 0).empty());
}

TEST(PromptLookup, AgreesWithLookingAtEveryPlace) {
  std::mt19937 random(31);
  for (int round = 0; round < 2000; ++round) {
    std::vector<TokenId> text(random() % 24);
    const unsigned ids = 1 + static_cast<unsigned>(random() % 5);
    for (TokenId& id : text) id = static_cast<TokenId>(random() % ids);
    const auto max_ngram = static_cast<std::int32_t>(1 + random() % 6);
    const auto count = static_cast<std::int32_t>(random() % 9);
    ASSERT_EQ(drafts_of(text, max_ngram, count), test::plainly_looked_up(text, max_ngram, count)) << round;
  }
}

}  // namespace
}  // namespace fllm
