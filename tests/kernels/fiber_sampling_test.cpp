// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/fiber_machines.h"
#include "tests/support/filter_suite.h"
#include "tests/support/sample_suite.h"

namespace fllm::test {
namespace {

using FiberSampling = FiberMachines;

INSTANTIATE_TEST_SUITE_P(Every, FiberSampling, testing::ValuesIn(every_machine()), machine_name);

TEST_P(FiberSampling, FilterGrid) { run_filter_grid(backend_, size()); }
TEST_P(FiberSampling, MixedRows) { run_mixed_rows(backend_, size()); }
TEST_P(FiberSampling, FilteredRows) { run_filtered_rows(backend_, size()); }

// Many launches of the same few code paths: one order per block size.
using FiberSamplingSome = FiberMachines;

INSTANTIATE_TEST_SUITE_P(Some, FiberSamplingSome,
                         testing::Values(FiberMachine{32, 0}, FiberMachine{128, 1}, FiberMachine{256, 20240229}),
                         machine_name);

TEST_P(FiberSamplingSome, EditedRows) { run_edited_rows(backend_, SuiteSize::kFast); }
TEST_P(FiberSamplingSome, SignedZeros) { run_signed_zeros(backend_); }
TEST_P(FiberSamplingSome, Infinities) { run_infinities(backend_); }
TEST_P(FiberSamplingSome, LargeRows) { run_large_rows(backend_, SuiteSize::kFast); }
TEST_P(FiberSamplingSome, FilterTies) { run_filter_ties(backend_, SuiteSize::kFast); }
TEST_P(FiberSamplingSome, SequenceEdits) { run_sequence_edits(backend_, SuiteSize::kFast); }
TEST_P(FiberSamplingSome, FilteredLargeRows) { run_filtered_large_rows(backend_, SuiteSize::kFast); }
TEST_P(FiberSamplingSome, FilterTables) { run_filter_tables(backend_); }
TEST_P(FiberSamplingSome, IntervalEnds) { run_interval_ends(backend_, SuiteSize::kFast); }
TEST_P(FiberSamplingSome, ParameterArrays) { run_parameter_arrays(backend_, SuiteSize::kFast); }
TEST_P(FiberSamplingSome, AdvancingSteps) {
  run_advancing_steps(backend_, [&](LogitType type, const SampleParams& params) { backend_.sample(type, params); });
}
TEST_P(FiberSamplingSome, FilteredSteps) {
  run_filtered_steps(backend_, [&](LogitType type, const SampleParams& params) { backend_.sample(type, params); });
}
TEST_P(FiberSamplingSome, RowInvariance) { run_row_invariance(backend_, SuiteSize::kFast); }

using FiberSamplingOnce = FiberMachines;

INSTANTIATE_TEST_SUITE_P(One, FiberSamplingOnce, testing::Values(FiberMachine{256, 20240229}), machine_name);

TEST_P(FiberSamplingOnce, RandomBits) { run_random_bits(backend_, SuiteSize::kFast); }
TEST_P(FiberSamplingOnce, ExactCoins) { run_exact_coins(backend_); }
TEST_P(FiberSamplingOnce, TypicalTies) { run_typical_ties(backend_); }
TEST_P(FiberSamplingOnce, FilterEdges) { run_filter_edges(backend_); }
TEST_P(FiberSamplingOnce, GappedRows) { run_gapped_rows(backend_); }
TEST_P(FiberSamplingOnce, ExactTopP) { run_exact_top_p(backend_); }

}  // namespace
}  // namespace fllm::test
