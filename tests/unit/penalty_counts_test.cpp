// SPDX-License-Identifier: Apache-2.0
#include "host/engine/penalty_counts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <span>
#include <vector>

namespace fllm {
namespace {

TEST(PenaltyCounts, AgreeWithCountingAgain) {
  std::mt19937 random(23);
  for (const std::int32_t window : {0, 1, 7, 40, 200}) {
    const std::int32_t vocab = 30, limit = 100, prompt_count = 20;
    PenaltyCounts counts(vocab, limit, window);
    std::vector<TokenId> history;
    for (std::int32_t i = 0; i < limit; ++i) {
      const auto id = static_cast<TokenId>(random() % static_cast<unsigned>(vocab));
      counts.append(id, i >= prompt_count);
      history.push_back(id);
      std::map<TokenId, CountEntry> want;
      for (std::int32_t at = 0; at <= i; ++at) {
        CountEntry& entry = want.try_emplace(history[static_cast<std::size_t>(at)],
                                             CountEntry{history[static_cast<std::size_t>(at)], 0, 0})
                                .first->second;
        if (at >= prompt_count) ++entry.output_count;
        if (window == 0 || at > i - window) entry.repeated = 1;
      }
      ASSERT_EQ(counts.entries().size(), want.size());
      for (const CountEntry& got : counts.entries()) {
        ASSERT_EQ(got.output_count, want.at(got.id).output_count) << window << " " << i;
        ASSERT_EQ(got.repeated, want.at(got.id).repeated) << window << " " << i;
      }
    }
  }
}

bool same_entries(std::span<const CountEntry> a, std::span<const CountEntry> b) {
  return std::ranges::equal(a, b, [](const CountEntry& x, const CountEntry& y) {
    return x.id == y.id && x.output_count == y.output_count && x.repeated == y.repeated;
  });
}

TEST(PenaltyCounts, StepsAheadAreAppendedTokensUntilTheyAreTakenBack) {
  std::mt19937 random(24);
  for (const std::int32_t window : {0, 1, 3, 7, 40}) {
    PenaltyCounts counts(12, 60, window), plain(12, 60, window);
    const auto draw = [&random] { return static_cast<TokenId>(random() % 12); };
    for (std::int32_t i = 0; i < 44; ++i) {
      const TokenId id = draw();
      counts.append(id, i >= 4);
      plain.append(id, i >= 4);
      PenaltyCounts appended = plain;
      for (int ahead = 0; ahead < static_cast<int>(random() % 9); ++ahead) {
        const TokenId draft = draw();
        counts.step_over(draft);
        appended.append(draft, true);
        ASSERT_TRUE(same_entries(counts.entries(), appended.entries())) << window << " " << i << " " << ahead;
      }
      counts.step_back();
      ASSERT_TRUE(same_entries(counts.entries(), plain.entries())) << window << " " << i;
    }
  }
}

}  // namespace
}  // namespace fllm
