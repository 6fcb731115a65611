// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <memory>

#include "cuda/backend/cuda_backend.h"
#include "tests/gpu/replay_backend.h"
#include "tests/support/sample_suite.h"

// The sampler's suite, held to the oracle to the bit, on the compiled CUDA kernels: launched, and replayed from graphs.
namespace fllm::test {
namespace {

enum class Mode { kLaunched, kReplayed };

class CudaSample : public testing::TestWithParam<Mode> {
 protected:
  CudaSample() : device_(make_cuda_backend(0)), replay_(*device_) {}

  Backend& backend() { return GetParam() == Mode::kReplayed ? static_cast<Backend&>(replay_) : *device_; }

 private:
  std::unique_ptr<Backend> device_;
  ReplayBackend replay_;
};

TEST_P(CudaSample, FilterGrid) { run_filter_grid(backend(), SuiteSize::kFast); }
TEST_P(CudaSample, MixedRows) { run_mixed_rows(backend(), SuiteSize::kFast); }
TEST_P(CudaSample, EditedRows) { run_edited_rows(backend(), SuiteSize::kFast); }
TEST_P(CudaSample, SignedZeros) { run_signed_zeros(backend()); }
TEST_P(CudaSample, Infinities) { run_infinities(backend()); }
TEST_P(CudaSample, LargeRows) { run_large_rows(backend(), SuiteSize::kFast); }
TEST_P(CudaSample, ExactTopP) { run_exact_top_p(backend()); }
TEST_P(CudaSample, IntervalEnds) { run_interval_ends(backend(), SuiteSize::kFast); }
TEST_P(CudaSample, RandomBits) { run_random_bits(backend(), SuiteSize::kFast); }
TEST_P(CudaSample, RowInvariance) { run_row_invariance(backend(), SuiteSize::kFast); }
TEST_P(CudaSample, Distribution) {
  if (GetParam() == Mode::kReplayed) GTEST_SKIP() << "a million draws: replays give the same bits in the tests above";
  run_distribution(backend(), SuiteSize::kFast);
}

INSTANTIATE_TEST_SUITE_P(Modes, CudaSample, testing::Values(Mode::kLaunched, Mode::kReplayed),
                         [](const auto& info) { return info.param == Mode::kLaunched ? "Launched" : "Replayed"; });

}  // namespace
}  // namespace fllm::test
