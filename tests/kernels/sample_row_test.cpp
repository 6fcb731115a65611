// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/serial_isas.h"
#include "tests/support/filter_suite.h"

namespace fllm::test {
namespace {

using SampleRowOn = SerialIsas;

INSTANTIATE_TEST_SUITE_P(Cpu, SampleRowOn, ::testing::ValuesIn(serial_isas().begin(), serial_isas().end()), isa_name);

TEST_P(SampleRowOn, FilterGrid) {
  auto cpu = backend();
  run_filter_grid(cpu, long_suite());
}
TEST_P(SampleRowOn, ExactTopP) {
  auto cpu = backend();
  run_exact_top_p(cpu);
}
TEST_P(SampleRowOn, MixedRows) {
  auto cpu = backend(2);
  run_mixed_rows(cpu, long_suite());
}
TEST_P(SampleRowOn, EditedRows) {
  auto cpu = backend();
  run_edited_rows(cpu, SuiteSize::kFull);
}
TEST_P(SampleRowOn, SignedZeros) {
  auto cpu = backend();
  run_signed_zeros(cpu);
}
TEST_P(SampleRowOn, Infinities) {
  auto cpu = backend();
  run_infinities(cpu);
}
TEST_P(SampleRowOn, LargeRows) {
  auto cpu = backend(2);
  run_large_rows(cpu, long_suite());
}
TEST_P(SampleRowOn, FilteredRows) {
  auto cpu = backend(2);
  run_filtered_rows(cpu, long_suite());
}
TEST_P(SampleRowOn, FilterTies) {
  auto cpu = backend();
  run_filter_ties(cpu, SuiteSize::kFull);
  run_typical_ties(cpu);
}
TEST_P(SampleRowOn, ExactCoins) {
  auto cpu = backend();
  run_exact_coins(cpu);
}
TEST_P(SampleRowOn, FilterEdges) {
  auto cpu = backend();
  run_filter_edges(cpu);
}
TEST_P(SampleRowOn, SequenceEdits) {
  auto cpu = backend();
  run_sequence_edits(cpu, SuiteSize::kFull);
}
TEST_P(SampleRowOn, FilteredLargeRows) {
  auto cpu = backend(2);
  run_filtered_large_rows(cpu, long_suite());
}
TEST_P(SampleRowOn, FilteredInvariance) {
  auto cpu = backend(2);
  run_filtered_invariance(cpu);
}
TEST_P(SampleRowOn, FilterTables) {
  auto cpu = backend();
  run_filter_tables(cpu);
  run_filter_refusals(cpu);
}
TEST_P(SampleRowOn, GappedRows) {
  auto cpu = backend();
  run_gapped_rows(cpu);
}
TEST_P(SampleRowOn, IntervalEnds) {
  auto cpu = backend();
  run_interval_ends(cpu, long_suite());
}
TEST_P(SampleRowOn, ParameterArrays) {
  auto cpu = backend();
  run_parameter_arrays(cpu, SuiteSize::kFull);
}
TEST_P(SampleRowOn, AdvancingSteps) {
  auto cpu = backend();
  run_advancing_steps(cpu, [&](LogitType type, const SampleParams& params) { cpu.sample(type, params); });
}
TEST_P(SampleRowOn, FilteredSteps) {
  auto cpu = backend();
  run_filtered_steps(cpu, [&](LogitType type, const SampleParams& params) { cpu.sample(type, params); });
}
TEST_P(SampleRowOn, RandomBits) {
  auto cpu = backend();
  run_random_bits(cpu, SuiteSize::kFull);
}

}  // namespace
}  // namespace fllm::test
