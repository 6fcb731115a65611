// SPDX-License-Identifier: Apache-2.0
#include "host/engine/scheduler.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "host/engine/regions.h"

namespace fllm {
namespace {

Need need(std::uint64_t id, std::int32_t samples, std::int32_t shared, std::int32_t own) {
  return {RequestId{id}, samples, shared, own};
}

/// Blocks of a wave for whose prompt nothing is there yet.
std::int32_t blocks_of(const Need& need, const Wave& wave) {
  return need.shared_blocks + wave.sample_count * need.own_blocks;
}

TEST(Scheduler, AdmitsInOrderAndNothingOvertakes) {
  Scheduler scheduler;
  scheduler.enqueue(need(1, 2, 1, 1));
  scheduler.enqueue(need(2, 1, 6, 1));
  scheduler.enqueue(need(3, 1, 1, 1));
  EXPECT_EQ(scheduler.next(), RequestId{1});
  const Wave first = scheduler.admit({4, 100}, 0);
  EXPECT_EQ(first.request, RequestId{1});
  EXPECT_EQ(first.first_sample, 0);
  EXPECT_EQ(first.sample_count, 2);
  EXPECT_EQ(scheduler.next(), RequestId{2});
  EXPECT_EQ(scheduler.admit({2, 6}, 0).sample_count, 0);  // seven blocks are wanted; the third request must wait too
  EXPECT_EQ(scheduler.admit({0, 7}, 0).sample_count, 0);
  EXPECT_EQ(scheduler.admit({2, 7}, 0).request, RequestId{2});
  EXPECT_EQ(scheduler.admit({1, 2}, 0).request, RequestId{3});
  EXPECT_TRUE(scheduler.empty());
}

TEST(Scheduler, SplitsARequestByRowsAndByMemory) {
  Scheduler scheduler;
  scheduler.enqueue(need(1, 10, 2, 3));
  const auto admit = [&](Room free) {
    const Wave wave = scheduler.admit(free, 0);
    return std::pair{wave.first_sample, wave.sample_count};
  };
  EXPECT_EQ(admit({4, 100}), (std::pair{0, 4}));
  EXPECT_EQ(admit({9, 10}), (std::pair{4, 2}));  // 2 + 3 * 3 would be one too many
  EXPECT_EQ(admit({9, 4}), (std::pair{0, 0}));
  EXPECT_EQ(admit({9, 11}), (std::pair{6, 3}));
  EXPECT_EQ(admit({9, 100}), (std::pair{9, 1}));
  EXPECT_TRUE(scheduler.empty());
}

TEST(Scheduler, BlocksThatAreThereCostNothing) {
  Scheduler scheduler;
  scheduler.enqueue(need(1, 1, 8, 1));
  EXPECT_EQ(scheduler.admit({1, 3}, 5).sample_count, 0);
  EXPECT_EQ(scheduler.admit({1, 3}, 6).sample_count, 1);
}

TEST(Scheduler, ForgetsARemovedRequest) {
  Scheduler scheduler;
  scheduler.enqueue(need(1, 3, 1, 1));
  scheduler.enqueue(need(2, 1, 1, 1));
  EXPECT_EQ(scheduler.admit({1, 10}, 0).request, RequestId{1});
  scheduler.remove(RequestId{1});
  EXPECT_EQ(scheduler.size(), 1u);
  EXPECT_EQ(scheduler.admit({1, 10}, 0).request, RequestId{2});
  EXPECT_TRUE(scheduler.empty());
}

TEST(Scheduler, EverySampleIsAdmittedOnceAndInOrder) {
  std::mt19937 random(17);
  Scheduler scheduler;
  constexpr Room kAll = {6, 30};
  struct Running {
    std::int32_t rows, blocks, steps;
  };
  std::vector<Running> running;
  std::vector<Need> needs(1);  // by request
  Room free = kAll;
  std::int64_t wanted = 0, admitted = 0;
  std::uint64_t last = 0;
  std::int32_t last_end = 0;
  for (int step = 0; step < 20000; ++step) {
    if (needs.size() <= 2000 && random() % 3 == 0) {
      const Need added = need(needs.size(), 1 + static_cast<std::int32_t>(random() % 12),
                              static_cast<std::int32_t>(random() % 8), 1 + static_cast<std::int32_t>(random() % 12));
      needs.push_back(added);
      scheduler.enqueue(added);
      wanted += added.sample_count;
    }
    while (!scheduler.empty()) {
      const Wave wave = scheduler.admit(free, 0);
      if (wave.sample_count == 0) break;
      const auto id = static_cast<std::uint64_t>(wave.request);
      ASSERT_EQ(wave.first_sample, id == last ? last_end : 0);
      ASSERT_GE(id, last);
      last = id;
      last_end = wave.first_sample + wave.sample_count;
      admitted += wave.sample_count;
      const std::int32_t blocks = blocks_of(needs[id], wave);
      free.rows -= wave.sample_count;
      free.blocks -= blocks;
      ASSERT_GE(free.rows, 0);
      ASSERT_GE(free.blocks, 0);
      running.push_back({wave.sample_count, blocks, 1 + static_cast<std::int32_t>(random() % 5)});
    }
    std::erase_if(running, [&free](Running& one) {
      if (--one.steps > 0) return false;
      free.rows += one.rows;
      free.blocks += one.blocks;
      return true;
    });
  }
  EXPECT_TRUE(scheduler.empty());
  EXPECT_EQ(admitted, wanted);
  EXPECT_GT(wanted, 5000);
}

TEST(Scheduler, ARequestOfSeveralRowsNeedsThemAtOnce) {
  Scheduler scheduler;
  Need beams = need(1, 1, 2, 3);
  beams.rows = 4;
  scheduler.enqueue(beams);
  EXPECT_EQ(scheduler.admit({3, 100}, 0).sample_count, 0);
  EXPECT_EQ(scheduler.admit({4, 13}, 0).sample_count, 0);  // 2 and 4 times 3 blocks
  EXPECT_EQ(scheduler.admit({4, 14}, 0).sample_count, 1);
  EXPECT_TRUE(scheduler.empty());
}

TEST(Regions, StretchesAreTakenAndJoinedAgain) {
  Regions regions(10);
  EXPECT_EQ(regions.take(4), 0);
  EXPECT_EQ(regions.take(3), 4);
  EXPECT_EQ(regions.take(3), 7);
  EXPECT_FALSE(regions.has(1));
  EXPECT_TRUE(regions.has(0));
  EXPECT_EQ(regions.take(1), std::nullopt);
  regions.give_back(0, 4);
  regions.give_back(7, 3);
  EXPECT_FALSE(regions.has(5));
  EXPECT_EQ(regions.take(4), 0);  // the first that is long enough
  regions.give_back(0, 4);
  regions.give_back(4, 3);
  EXPECT_TRUE(regions.has(10));
  regions.extend(12);
  EXPECT_EQ(regions.take(12), 0);
}

TEST(Regions, NoTwoOverlap) {
  std::mt19937 random(3);
  Regions regions(64);
  std::vector<int> owners(64, 0);
  std::vector<std::pair<std::int64_t, std::int64_t>> taken;
  for (int round = 1; round < 2000; ++round) {
    const std::int64_t count = 1 + random() % 9;
    if (random() % 2 == 0 && !taken.empty()) {
      const auto [first, length] = taken[random() % taken.size()];
      std::erase(taken, std::pair{first, length});
      for (std::int64_t i = first; i < first + length; ++i) owners[static_cast<std::size_t>(i)] = 0;
      regions.give_back(first, length);
    } else if (regions.has(count)) {
      const std::int64_t first = regions.take(count).value();
      taken.emplace_back(first, count);
      for (std::int64_t i = first; i < first + count; ++i) {
        ASSERT_EQ(owners.at(static_cast<std::size_t>(i)), 0);
        owners[static_cast<std::size_t>(i)] = round;
      }
    } else {
      ASSERT_EQ(regions.take(count), std::nullopt);
    }
  }
  for (const auto& [first, length] : taken) regions.give_back(first, length);
  EXPECT_EQ(regions.take(64), 0);
}

TEST(Scheduler, DraftsHaveRoomOfTheirOwn) {
  const auto samples = [](Room free) {
    Scheduler scheduler;
    scheduler.enqueue({RequestId{1}, 9, 0, 1, 1, 4, 2});
    return scheduler.admit(free, 0).sample_count;
  };
  EXPECT_EQ(samples({9, 90, 45, 18}), 9);
  EXPECT_EQ(samples({9, 90, 44, 18}), 8);  // each takes a row of logits and one for each of four drafts
  EXPECT_EQ(samples({9, 90, 45, 5}), 2);   // and two blocks of the draft model's
  EXPECT_EQ(samples({9, 90, 4, 18}), 0);
}

}  // namespace
}  // namespace fllm
