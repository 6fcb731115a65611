// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "cuda/backend/backend.h"
#include "cuda/backend/serial_isa.h"
#include "cuda/backend/thread_pool.h"
#include "tests/support/expect_error.h"

namespace fllm::test {
namespace {

TEST(ThreadPool, WhatIsHandedOutIsDoneOnce) {
  ThreadPool pool(4);
  ASSERT_EQ(pool.thread_count(), 4);
  std::vector<std::int64_t> sums(4, 0);  // plain memory: the pool orders the rounds
  std::int64_t expected = 0;
  for (std::int32_t round = 0; round < 20'000; ++round) {
    const std::int32_t workers = 1 + round % 4, pieces = round % 7;
    std::atomic<std::int32_t> next{0};
    std::array<std::int32_t, 4> turns{};
    pool.run(workers, [&](std::int32_t worker) {
      ++turns[static_cast<std::size_t>(worker)];
      while (next.fetch_add(1) < pieces) sums[static_cast<std::size_t>(worker)] += round;
    });
    expected += std::int64_t{round} * pieces;
    ASSERT_EQ(turns[0], 1) << "the caller's";
    for (std::int32_t worker = 0; worker < 4; ++worker) {
      ASSERT_LE(turns[static_cast<std::size_t>(worker)], worker < workers ? 1 : 0) << worker;
    }
  }
  EXPECT_EQ(std::accumulate(sums.begin(), sums.end(), std::int64_t{0}), expected);
}

// A worker that is kept from its core holds nobody up who has not seen it.
TEST(ThreadPool, TheCallerAloneIsEnough) {
  ThreadPool pool(kMaxCpuThreads / 4);  // more than there are cores
  for (std::int32_t round = 0; round < 50; ++round) {
    std::atomic<std::int32_t> next{0}, done{0};
    pool.run(pool.thread_count(), [&](std::int32_t) {
      while (next.fetch_add(1) < 100) ++done;
    });
    ASSERT_EQ(done, 100);
  }
}

TEST(ThreadPool, OneThreadIsTheCaller) {
  ThreadPool pool(1);
  std::int32_t runs = 0;
  pool.run(1, [&](std::int32_t worker) { runs += 1 + worker; });
  EXPECT_EQ(runs, 1);
}

TEST(MakeBackend, DescribesTheCpu) {
  EXPECT_THAT(make_backend({"cpu", 1})->description(), testing::StartsWith("cpu (1 thread, "));
  EXPECT_THAT(make_backend({"cpu", 2})->description(), testing::StartsWith("cpu (2 threads, "));
  EXPECT_THAT(make_backend({"cpu", 0})->description(), testing::StartsWith("cpu ("));
}

TEST(MakeBackend, KnowsItsMemory) {
  const auto backend = make_backend({"cpu", 1});
  const MemoryInfo memory = backend->memory();
  EXPECT_GT(memory.free_bytes, 0u);
  EXPECT_LE(memory.free_bytes, memory.total_bytes);
  expect_error(ErrorCode::kOutOfMemory, {"18446744073709551615", "free"}, [&] { (void)backend->allocate(SIZE_MAX); });
}

TEST(MakeBackend, RefusesBadOptions) {
  expect_error(ErrorCode::kInvalidArgument, {"\"tpu\"", "auto, cpu, cuda"}, [] { (void)make_backend({"tpu", 1}); });
  expect_error(ErrorCode::kInvalidArgument, {"\"cuda:x\""}, [] { (void)make_backend({"cuda:x", 1}); });
  expect_error(ErrorCode::kInvalidArgument, {"\"cuda:-1\""}, [] { (void)make_backend({"cuda:-1", 1}); });
  expect_error(ErrorCode::kInvalidArgument, {"threads is -1", "1024"}, [] { (void)make_backend({"cpu", -1}); });
  expect_error(ErrorCode::kInvalidArgument, {"threads is 100000"}, [] { (void)make_backend({"cpu", 100000}); });
}

TEST(MakeBackend, RefusesAWeightThatDoesNotFit) {
  const std::vector<float> weight(6);
  const auto backend = make_backend({"cpu", 1});
  expect_error(ErrorCode::kInvalidArgument, {"6 elements", "[2, 4]"},
               [&] { (void)backend->make_linear(weight, 2, 4); });
}

TEST(SerialIsa, EnvironmentLimitsIt) {
  const SerialIsa& slowest = *serial_isas().begin();
  ASSERT_EQ(setenv("FLLM_ISA", slowest.name, 1), 0);
  EXPECT_STREQ(choose_serial_kernels().isa, slowest.name);
  ASSERT_EQ(setenv("FLLM_ISA", "v9", 1), 0);
  expect_error(ErrorCode::kInvalidArgument, {"FLLM_ISA", "\"v9\"", slowest.name},
               [] { (void)choose_serial_kernels(); });
  ASSERT_EQ(unsetenv("FLLM_ISA"), 0);
}

}  // namespace
}  // namespace fllm::test
