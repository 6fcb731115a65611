// SPDX-License-Identifier: Apache-2.0
#include "tests/support/beam_suite.h"

#include <functional>

#include "tests/kernels/serial_isas.h"

namespace fllm::test {
namespace {

using BeamOn = SerialIsas;

INSTANTIATE_TEST_SUITE_P(Cpu, BeamOn, ::testing::ValuesIn(serial_isas().begin(), serial_isas().end()), isa_name);

TEST_P(BeamOn, RandomSearches) {
  auto cpu = backend(2);
  run_random_beams(cpu, long_suite());
}
TEST_P(BeamOn, EveryWidth) {
  auto cpu = backend(2);
  run_every_width(cpu);
}
TEST_P(BeamOn, WideSearches) {
  auto cpu = backend(2);
  run_wide_beams(cpu, long_suite());
}

TEST_P(BeamOn, Garbage) {
  auto cpu = backend(2);
  run_garbage_beams(cpu, SuiteSize::kFull);
}
TEST_P(BeamOn, RecordedSearches) {
  auto cpu = backend(2);
  run_recorded_beams(
      cpu, [&](const std::function<void()>& step, const BeamLoop& loop) { return cpu.record_beams(step, loop); });
}

class BeamCases : public testing::TestWithParam<BeamTest> {};

INSTANTIATE_TEST_SUITE_P(Edges, BeamCases, testing::ValuesIn(beam_edges()), beam_test_name);
INSTANTIATE_TEST_SUITE_P(States, BeamCases, testing::ValuesIn(beam_states()), beam_test_name);
INSTANTIATE_TEST_SUITE_P(Regressions, BeamCases, testing::ValuesIn(beam_regressions()), beam_test_name);

TEST_P(BeamCases, Hold) {
  SerialBackend cpu(choose_serial_kernels(), 2);
  GetParam().run(cpu);
}

}  // namespace
}  // namespace fllm::test
