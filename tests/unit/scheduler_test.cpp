// SPDX-License-Identifier: Apache-2.0
#include "host/engine/scheduler.h"

#include <gtest/gtest.h>

#include <random>
#include <utility>
#include <vector>

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

}  // namespace
}  // namespace fllm
