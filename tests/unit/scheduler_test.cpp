// SPDX-License-Identifier: Apache-2.0
#include "host/engine/scheduler.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace fllm {
namespace {

Need need(std::uint64_t id, std::int32_t samples, std::int32_t shared, std::int32_t own) {
  return {RequestId{id}, samples, shared, own};
}

TEST(Scheduler, AdmitsInOrderAndNothingOvertakes) {
  Scheduler scheduler({4, 100});
  scheduler.enqueue(need(1, 2, 1, 1));
  scheduler.enqueue(need(2, 3, 1, 1));
  scheduler.enqueue(need(3, 1, 1, 1));
  const Wave first = scheduler.admit({4, 100});
  EXPECT_EQ(first.request, RequestId{1});
  EXPECT_EQ(first.sample_count, 2);
  EXPECT_EQ(first.block_count, 3);
  EXPECT_EQ(scheduler.admit({2, 97}).sample_count, 0);  // three rows are wanted; the third request must wait too
  EXPECT_EQ(scheduler.admit({3, 3}).sample_count, 0);   // four blocks are wanted
  EXPECT_EQ(scheduler.admit({3, 4}).request, RequestId{2});
  EXPECT_EQ(scheduler.admit({1, 2}).request, RequestId{3});
  EXPECT_TRUE(scheduler.empty());
}

TEST(Scheduler, SplitsARequestThatIsLargerThanTheBatch) {
  Scheduler scheduler({4, 100});
  scheduler.enqueue(need(1, 10, 2, 3));
  std::vector<std::int32_t> counts;
  for (Wave wave = scheduler.admit({4, 100}); wave.sample_count > 0; wave = scheduler.admit({4, 100})) {
    EXPECT_EQ(wave.first_sample, static_cast<std::int32_t>(counts.size()) * 4);
    counts.push_back(wave.sample_count);
  }
  EXPECT_EQ(counts, (std::vector<std::int32_t>{4, 4, 2}));
}

TEST(Scheduler, SplitsByMemoryAndKnowsWhatNeverFits) {
  const Scheduler scheduler({8, 10});
  EXPECT_EQ(scheduler.wave_samples(need(1, 8, 4, 2)), 3);
  EXPECT_EQ(scheduler.wave_samples(need(1, 8, 8, 3)), 0);
  EXPECT_EQ(scheduler.wave_samples(need(1, 8, 10, 0)), 8);
  EXPECT_EQ(scheduler.wave_samples(need(1, 8, 11, 0)), 0);
}

TEST(Scheduler, ForgetsARemovedRequest) {
  Scheduler scheduler({1, 10});
  scheduler.enqueue(need(1, 3, 1, 1));
  scheduler.enqueue(need(2, 1, 1, 1));
  EXPECT_EQ(scheduler.admit({1, 10}).request, RequestId{1});
  scheduler.remove(RequestId{1});
  EXPECT_EQ(scheduler.admit({1, 10}).request, RequestId{2});
  EXPECT_TRUE(scheduler.empty());
}

TEST(Scheduler, EverySampleIsAdmittedOnceAndInOrder) {
  std::mt19937 random(17);
  Scheduler scheduler({6, 30});
  struct Running {
    Wave wave;
    std::int32_t steps;
  };
  std::vector<Running> running;
  Room free = {6, 30};
  std::uint64_t next = 1, last_admitted = 0;
  std::int64_t wanted = 0, admitted = 0;
  for (int step = 0; step < 20000; ++step) {
    if (next <= 2000 && random() % 3 == 0) {
      const Need added = need(next, 1 + static_cast<std::int32_t>(random() % 12),
                              static_cast<std::int32_t>(random() % 8), static_cast<std::int32_t>(random() % 12));
      if (scheduler.wave_samples(added) > 0) {
        scheduler.enqueue(added);
        wanted += added.sample_count;
      }
      ++next;
    }
    for (Wave wave = scheduler.admit(free); wave.sample_count > 0; wave = scheduler.admit(free)) {
      ASSERT_GE(static_cast<std::uint64_t>(wave.request), last_admitted);
      last_admitted = static_cast<std::uint64_t>(wave.request);
      admitted += wave.sample_count;
      free.rows -= wave.sample_count;
      free.blocks -= wave.block_count;
      ASSERT_GE(free.rows, 0);
      ASSERT_GE(free.blocks, 0);
      running.push_back({wave, 1 + static_cast<std::int32_t>(random() % 5)});
    }
    std::erase_if(running, [&free](Running& one) {
      if (--one.steps > 0) return false;
      free.rows += one.wave.sample_count;
      free.blocks += one.wave.block_count;
      return true;
    });
  }
  EXPECT_TRUE(scheduler.empty());
  EXPECT_EQ(admitted, wanted);
  EXPECT_GT(wanted, 5000);
}

}  // namespace
}  // namespace fllm
