// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/serial_isas.h"
#include "tests/support/commit_suite.h"
#include "tests/support/draft_loop_suite.h"

namespace fllm::test {
namespace {

using CommitOn = SerialIsas;

INSTANTIATE_TEST_SUITE_P(Cpu, CommitOn, ::testing::ValuesIn(serial_isas().begin(), serial_isas().end()), isa_name);

TEST_P(CommitOn, Steps) {
  auto cpu = backend(2);
  run_commit_steps(cpu);
}
TEST_P(CommitOn, StepsWithDrafts) {
  auto cpu = backend(2);
  run_draft_loop_steps(cpu, SuiteSize::kFast);
}
TEST_P(CommitOn, RefusalsOfDrafts) {
  auto cpu = backend();
  run_draft_loop_refusals(cpu);
}
TEST_P(CommitOn, Refusals) {
  auto cpu = backend();
  run_commit_refusals(cpu);
}

}  // namespace
}  // namespace fllm::test
