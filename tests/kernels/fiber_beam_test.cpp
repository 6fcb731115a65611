// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/fiber_machines.h"
#include "tests/support/beam_suite.h"

namespace fllm::test {
namespace {

using FiberBeam = FiberMachines;

INSTANTIATE_TEST_SUITE_P(Some, FiberBeam, testing::ValuesIn(some_machines()), machine_name);

TEST_P(FiberBeam, RandomSearches) {
  run_random_beams(backend_, GetParam().threads == 128 ? SuiteSize::kFast : SuiteSize::kFew);
}
TEST_P(FiberBeam, Garbage) { run_garbage_beams(backend_, size()); }

class FiberBeamCases : public testing::TestWithParam<BeamTest> {};

INSTANTIATE_TEST_SUITE_P(Edges, FiberBeamCases, testing::ValuesIn(beam_edges()), beam_test_name);
INSTANTIATE_TEST_SUITE_P(States, FiberBeamCases, testing::ValuesIn(beam_states()), beam_test_name);
INSTANTIATE_TEST_SUITE_P(Regressions, FiberBeamCases, testing::ValuesIn(beam_regressions()), beam_test_name);

TEST_P(FiberBeamCases, Hold) {
  const auto backend = make_fiber_backend({128, kSchedules[2]});
  GetParam().run(*backend);
}

}  // namespace
}  // namespace fllm::test
