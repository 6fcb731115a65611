// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "cuda/backend/cuda_backend.h"
#include "cuda/runtime/graph.h"
#include "tests/gpu/block_modes.h"
#include "tests/support/filter_suite.h"
#include "tests/support/sample_suite.h"

// The sampler's suite, held to the oracle to the bit, on the compiled CUDA kernels: with every number of blocks a row may
// have, launched, and replayed from graphs.
namespace fllm::test {
namespace {

using CudaSample = CudaBlocks;

TEST_P(CudaSample, MixedRows) { run_mixed_rows(backend(), size()); }
TEST_P(CudaSample, EditedRows) { run_edited_rows(backend(), SuiteSize::kFast); }
TEST_P(CudaSample, Infinities) { run_infinities(backend()); }
TEST_P(CudaSample, LargeRows) { run_large_rows(backend(), SuiteSize::kFast); }
TEST_P(CudaSample, FilteredRows) { run_filtered_rows(backend(), size()); }
TEST_P(CudaSample, FilterTies) { run_filter_ties(backend(), SuiteSize::kFast); }
TEST_P(CudaSample, SequenceEdits) { run_sequence_edits(backend(), SuiteSize::kFast); }
TEST_P(CudaSample, FilteredLargeRows) { run_filtered_large_rows(backend(), SuiteSize::kFast); }

INSTANTIATE_TEST_SUITE_P(Blocks, CudaSample, every_block_mode(), testing::PrintToStringParamName());

// Thousands of short rows: not replayed too.
using CudaSampleLaunched = CudaSample;

TEST_P(CudaSampleLaunched, FilterGrid) { run_filter_grid(backend(), size()); }

INSTANTIATE_TEST_SUITE_P(Blocks, CudaSampleLaunched, every_launched_mode(), testing::PrintToStringParamName());

using CudaSampleEnds = CudaSample;

TEST_P(CudaSampleEnds, IntervalEnds) { run_interval_ends(backend(), SuiteSize::kFast); }

INSTANTIATE_TEST_SUITE_P(Blocks, CudaSampleEnds, testing::Values(BlockMode{1, false}, BlockMode{8, false}),
                         testing::PrintToStringParamName());

// What does not depend on how a row is shared out.
using CudaSampleOnce = CudaSample;

TEST_P(CudaSampleOnce, SignedZeros) { run_signed_zeros(backend()); }
TEST_P(CudaSampleOnce, ExactTopP) { run_exact_top_p(backend()); }
TEST_P(CudaSampleOnce, RandomBits) { run_random_bits(backend(), SuiteSize::kFast); }
TEST_P(CudaSampleOnce, FilteredInvariance) { run_filtered_invariance(backend()); }
TEST_P(CudaSampleOnce, ExactCoins) { run_exact_coins(backend()); }
TEST_P(CudaSampleOnce, FilterEdges) { run_filter_edges(backend()); }
TEST_P(CudaSampleOnce, FilterTables) { run_filter_tables(backend()); }
TEST_P(CudaSampleOnce, RowInvariance) { run_row_invariance(backend(), SuiteSize::kFast); }
TEST_P(CudaSampleOnce, ParameterArrays) { run_parameter_arrays(backend(), SuiteSize::kFast); }
TEST_P(CudaSampleOnce, Distribution) {
  if (GetParam().replayed) GTEST_SKIP() << "a million draws: replays give the same bits in the tests above";
  run_distribution(backend(), SuiteSize::kFast);
}

// One graph, launched again and again: it draws on from the state it has left on the device.
void run_steps(void (*steps)(Backend&, const std::function<void(LogitType, const SampleParams&)>&)) {
  const std::unique_ptr<Backend> device = make_cuda_backend(0);
  steps(*device, [&](LogitType type, const SampleParams& params) { device->sample(type, params); });
  auto* stream = static_cast<cudaStream_t>(cuda_stream(*device));
  std::optional<cuda::Graph> graph;
  steps(*device, [&](LogitType type, const SampleParams& params) {
    if (!graph) {
      device->synchronize();
      cuda::StreamCapture capture(stream);
      device->sample(type, params);
      graph = capture.end();
    }
    graph->launch(stream);
  });
}
TEST(CudaSampleSteps, AGraphAdvancesFromReplayToReplay) {
  run_steps([](Backend& backend, const std::function<void(LogitType, const SampleParams&)>& launch) {
    run_advancing_steps(backend, launch);
  });
}
TEST(CudaSampleSteps, FilteredStepsAdvanceToo) { run_steps(run_filtered_steps); }

INSTANTIATE_TEST_SUITE_P(Chosen, CudaSampleOnce, testing::Values(BlockMode{0, false}, BlockMode{0, true}),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace fllm::test
