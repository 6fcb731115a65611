// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cuda/launch/fiber_executor.h"
#include "fundamentallm/result.h"

namespace fllm {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr FiberSchedule kSchedules[] = {0, 1, 20240229};
constexpr std::int32_t kThreadCounts[] = {32, 128, 256, 1024};

/// A kernel whose body is a test's function.
struct Probe {
  struct Params {
    std::function<void(FiberCta&, std::int32_t* shared)> body;
  };
  struct Shared {
    std::int32_t values[1024];
  };
  void operator()(FiberCta& cta, Shared& shared, const Params& params) const { params.body(cta, shared.values); }
};

struct Machine {
  std::int32_t threads;
  FiberSchedule schedule;
};

class EveryMachine : public testing::TestWithParam<Machine> {
 protected:
  FiberExecutor executor_{{GetParam().threads, GetParam().schedule}};
  void run(const std::function<void(FiberCta&, std::int32_t*)>& body, std::int32_t grid = 1, std::size_t dynamic = 0) {
    executor_.launch<Probe>({grid, 64, dynamic}, {body});
  }
};

INSTANTIATE_TEST_SUITE_P(Fiber, EveryMachine, testing::ValuesIn([] {
                           std::vector<Machine> all;
                           for (const std::int32_t threads : kThreadCounts) {
                             for (const FiberSchedule schedule : kSchedules) all.push_back({threads, schedule});
                           }
                           return all;
                         }()),
                         [](const auto& info) {
                           return std::to_string(info.param.threads) + "_" + std::to_string(info.param.schedule);
                         });

TEST_P(EveryMachine, NumbersThreadsLikeCuda) {
  std::vector<std::int32_t> seen(static_cast<std::size_t>(GetParam().threads) * 3);
  run(
      [&](FiberCta& cta, std::int32_t*) {
        EXPECT_EQ(cta.block_count(), 3);
        EXPECT_EQ(cta.thread_count(), GetParam().threads);
        EXPECT_EQ(cta.lane(), cta.thread_index() % 32);
        EXPECT_EQ(cta.warp(), cta.thread_index() / 32);
        EXPECT_EQ(cta.warp_count(), cta.thread_count() / 32);
        ++seen[cta.block_index() * cta.thread_count() + cta.thread_index()];
      },
      3);
  EXPECT_EQ(seen, std::vector<std::int32_t>(seen.size(), 1));
}

TEST_P(EveryMachine, ShufflesMoveWholeValues) {
  run([](FiberCta& cta, std::int32_t*) {
    for (std::int32_t mask = 0; mask < 32; ++mask) {
      const std::uint64_t mine = 0x100000000u * cta.thread_index() + mask;
      EXPECT_EQ(cta.shuffle_xor(mine, mask), 0x100000000u * (cta.thread_index() ^ mask) + mask);
    }
    EXPECT_EQ(cta.shuffle(cta.thread_index() * 0.5f, 31 - cta.lane()), (cta.warp() * 32 + 31 - cta.lane()) * 0.5f);
  });
}

TEST_P(EveryMachine, BallotCollectsTheWarp) {
  run([](FiberCta& cta, std::int32_t*) {
    EXPECT_EQ(cta.ballot(cta.lane() % 3 == 0), 0x49249249u);
    EXPECT_EQ(cta.ballot(cta.warp() % 2 == 0), cta.warp() % 2 == 0 ? ~0u : 0u);
  });
}

TEST_P(EveryMachine, BarriersOrderTheBlock) {
  run([](FiberCta& cta, std::int32_t* shared) {
    for (std::int32_t round = 0; round < 5; ++round) {
      shared[cta.thread_index()] = cta.thread_index() + round;
      cta.sync();
      const std::int32_t other = (cta.thread_index() * 7 + 3) % cta.thread_count();
      EXPECT_EQ(shared[other], other + round);
      cta.sync();
    }
  });
}

TEST_P(EveryMachine, WarpBarriersOrderTheWarp) {
  run([](FiberCta& cta, std::int32_t* shared) {
    for (std::int32_t round = 0; round < cta.warp() + 1; ++round) {  // warps need not agree with each other
      shared[cta.thread_index()] = cta.thread_index() + round;
      cta.sync_warp();
      const std::int32_t other = cta.thread_index() ^ 17;
      EXPECT_EQ(shared[other], other + round);
      cta.sync_warp();
    }
  });
}

TEST_P(EveryMachine, AtomicsReturnTheOldValue) {
  std::uint32_t next = 0;
  std::vector<std::int32_t> taken(static_cast<std::size_t>(GetParam().threads));
  run([&](FiberCta& cta, std::int32_t*) { ++taken[cta.atomic_add(&next, 1u)]; });
  EXPECT_EQ(taken, std::vector<std::int32_t>(taken.size(), 1));
}

TEST_P(EveryMachine, SharedMemoryIsPoisonedBeforeEachBlock) {
  run(
      [](FiberCta& cta, std::int32_t* shared) {
        const auto* dynamic = static_cast<const std::int32_t*>(cta.dynamic_shared());
        EXPECT_EQ(shared[cta.thread_index()], -1);
        EXPECT_EQ(dynamic[cta.thread_index()], -1);
        shared[cta.thread_index()] = static_cast<std::int32_t*>(cta.dynamic_shared())[cta.thread_index()] = 7;
      },
      2, 4096);
}

TEST_P(EveryMachine, ExceptionsReachTheCallerAndStacksAreUnwound) {
  std::int32_t alive = 0;
  struct Count {
    std::int32_t& alive;
    explicit Count(std::int32_t& counter) : alive(counter) { ++alive; }
    ~Count() { --alive; }
  };
  for (std::int32_t repeat = 0; repeat < 3; ++repeat) {
    EXPECT_THROW(run([&](FiberCta& cta, std::int32_t*) {
                   const Count here(alive);
                   if (cta.thread_index() == 20) throw std::out_of_range("planted");
                   cta.sync();
                 }),
                 std::out_of_range);
    EXPECT_EQ(alive, 0);
  }
  run([](FiberCta& cta, std::int32_t*) { cta.sync(); });  // and the executor goes on
}

/// The tree reduction of every textbook, with one barrier that can be left out.
struct TreeSum {
  struct Params {
    std::int32_t left_out;
    std::int32_t* result;
  };
  struct Shared {
    std::int32_t values[1024];
  };
  void operator()(FiberCta& cta, Shared& shared, const Params& p) const {
    shared.values[cta.thread_index()] = 1;
    if (p.left_out != 0) cta.sync();
    for (std::int32_t half = cta.thread_count() / 2; half > 0; half /= 2) {
      if (cta.thread_index() < half) shared.values[cta.thread_index()] += shared.values[cta.thread_index() + half];
      if (p.left_out != 1) cta.sync();
    }
    if (cta.thread_index() == cta.thread_count() - 1) *p.result = shared.values[0];
  }
};

TEST(FiberSchedules, AMissingBarrierGivesAWrongSum) {
  for (const std::int32_t threads : kThreadCounts) {
    for (const std::int32_t left_out : {0, 1, 2}) {
      std::int32_t wrong = 0;
      for (const FiberSchedule schedule : kSchedules) {
        std::int32_t sum = 0;
        FiberExecutor({threads, schedule}).launch<TreeSum>({1, threads, 0}, {left_out, &sum});
        if (sum != threads) ++wrong;
      }
      SCOPED_TRACE(std::to_string(threads) + " threads, barrier " + std::to_string(left_out));
      if (left_out == 2) {
        EXPECT_EQ(wrong, 0);
      } else {
        EXPECT_GE(wrong, 1);
      }
    }
  }
}

TEST(FiberSchedules, TakeThreadsInTheirOrder) {
  const auto order = [](FiberSchedule schedule) {
    std::vector<std::int32_t> taken;
    FiberExecutor({64, schedule}).launch<Probe>({1, 64, 0}, {[&](FiberCta& cta, std::int32_t*) {
                                                  taken.push_back(cta.thread_index());
                                                }});
    return taken;
  };
  const std::vector<std::int32_t> ascending = order(0), descending = order(1);
  EXPECT_TRUE(std::is_sorted(ascending.begin(), ascending.end()));
  EXPECT_TRUE(std::is_sorted(descending.rbegin(), descending.rend()));
  EXPECT_EQ(order(5), order(5));
  EXPECT_NE(order(5), order(6));
}

// ---- Planted faults -------------------------------------------------------------------------------------------------

std::optional<FiberError> fault_of(const std::function<void(FiberCta&, std::int32_t*)>& body, FiberSchedule schedule,
                                   std::int32_t threads = 64) {
  FiberExecutor executor({threads, schedule});
  std::optional<FiberError> caught;
  try {
    executor.launch<Probe>({2, threads, 64}, {body});
  } catch (const FiberError& error) {
    caught = error;
  }
  executor.launch<Probe>({1, threads, 0}, {[](FiberCta& cta, std::int32_t*) { cta.sync(); }});
  return caught;
}

void expect_fault(FiberFault fault, const std::string& text,
                  const std::function<void(FiberCta&, std::int32_t*)>& body) {
  for (const FiberSchedule schedule : kSchedules) {
    SCOPED_TRACE("schedule " + std::to_string(schedule));
    const std::optional<FiberError> error = fault_of(body, schedule);
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->fault(), fault);
    EXPECT_THAT(error->what(), AllOf(HasSubstr("Probe, block "), HasSubstr(", thread "), HasSubstr("fiber_test.cpp:"),
                                     HasSubstr(text)));
  }
}

TEST(FiberFaults, DivergentBarrier) {
  expect_fault(FiberFault::kDivergentBarrier, "divergent barrier: in sync here, while thread",
               [](FiberCta& cta, std::int32_t*) {
                 if (cta.thread_index() < 40) {  // NOLINT(bugprone-branch-clone): two places to wait are the fault
                   cta.sync();
                 } else {
                   cta.sync();
                 }
               });
}

TEST(FiberFaults, EarlyExitBeforeABlockBarrier) {
  expect_fault(FiberFault::kEarlyExit, "returned", [](FiberCta& cta, std::int32_t*) {
    if (cta.thread_index() == 33) return;
    cta.sync();
  });
}

TEST(FiberFaults, EarlyExitBeforeAWarpOperation) {
  expect_fault(FiberFault::kEarlyExit, "ballot at fiber_test.cpp:", [](FiberCta& cta, std::int32_t*) {
    if (cta.thread_index() == 33) return;
    static_cast<void>(cta.ballot(true));
  });
}

TEST(FiberFaults, LanesInDifferentOperations) {
  expect_fault(FiberFault::kWarpDisagreement, "lanes of a warp disagree", [](FiberCta& cta, std::int32_t*) {
    if (cta.lane() < 5) {
      static_cast<void>(cta.shuffle(1, 0));
    } else {
      static_cast<void>(cta.ballot(true));
    }
  });
}

TEST(FiberFaults, LanesWithDifferentMasks) {
  expect_fault(FiberFault::kWarpDisagreement, "(argument 2)",
               [](FiberCta& cta, std::int32_t*) { static_cast<void>(cta.shuffle_xor(1, cta.lane() == 9 ? 2 : 1)); });
}

TEST(FiberFaults, HalfAWarpInABlockBarrier) {
  expect_fault(FiberFault::kDeadlock, "no thread can go on; ", [](FiberCta& cta, std::int32_t*) {
    if (cta.thread_index() >= 16 && cta.warp() == 0) cta.sync_warp();
    cta.sync();
  });
}

TEST(FiberFaults, DeadlockNamesEveryPlace) {
  const auto error = fault_of(
      [](FiberCta& cta, std::int32_t*) {
        if (cta.thread_index() < 16) {
          cta.sync();
        } else {
          cta.sync_warp();
        }
      },
      0, 32);
  ASSERT_TRUE(error.has_value());
  EXPECT_THAT(error->what(), AllOf(HasSubstr("16 from thread 0 wait in sync at fiber_test.cpp:"),
                                   HasSubstr("16 from thread 16 wait in sync_warp at fiber_test.cpp:")));
}

TEST(FiberFaults, LaneOutsideTheWarp) {
  expect_fault(FiberFault::kBadLane, "shuffle lane 32 is outside [0, 32)",
               [](FiberCta& cta, std::int32_t*) { static_cast<void>(cta.shuffle(1, cta.lane() + 1)); });
  expect_fault(FiberFault::kBadLane, "shuffle mask -1 is outside [0, 32)",
               [](FiberCta& cta, std::int32_t*) { static_cast<void>(cta.shuffle_xor(1, -1)); });
}

TEST(FiberFaults, WriteBehindSharedMemory) {
#if defined(FLLM_SANITIZED)
  GTEST_SKIP() << "the address sanitizer stops the program at the write itself";
#else
  const auto shared = fault_of([](FiberCta&, std::int32_t* values) { values[1024] = 0; }, 0);
  ASSERT_TRUE(shared.has_value());
  EXPECT_EQ(shared->fault(), FiberFault::kSharedOverrun);
  EXPECT_THAT(shared->what(), HasSubstr("a write outside Shared"));
  const auto dynamic = fault_of(
      [](FiberCta& cta, std::int32_t*) { static_cast<std::byte*>(cta.dynamic_shared())[64] = std::byte{0}; }, 0);
  ASSERT_TRUE(dynamic.has_value());
  EXPECT_THAT(dynamic->what(), HasSubstr("a write outside the dynamic shared memory"));
#endif
}

TEST(FiberExecutorShapes, RefusesWhatNoDeviceRuns) {
  FiberExecutor executor;
  for (const std::int32_t threads : {0, 33, 1056}) {
    try {
      executor.launch<Probe>({1, threads, 0}, {[](FiberCta&, std::int32_t*) {}});
      ADD_FAILURE() << threads << " threads were accepted";
    } catch (const Exception& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_THAT(error.what(), HasSubstr("blocks of " + std::to_string(threads) + " threads"));
    }
  }
  executor.launch<Probe>({0, 32, 0}, {[](FiberCta&, std::int32_t*) { ADD_FAILURE() << "an empty grid ran"; }});
}

}  // namespace
}  // namespace fllm
