// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/fiber_machines.h"
#include "tests/support/commit_suite.h"
#include "tests/support/draft_loop_suite.h"

namespace fllm::test {
namespace {

using FiberCommit = FiberMachines;

INSTANTIATE_TEST_SUITE_P(Every, FiberCommit, testing::ValuesIn(every_machine()), machine_name);

TEST_P(FiberCommit, Steps) { run_commit_steps(backend_); }
TEST_P(FiberCommit, StepsWithDrafts) { run_draft_loop_steps(backend_, size()); }
TEST_P(FiberCommit, RefusalsOfDrafts) { run_draft_loop_refusals(backend_); }
TEST_P(FiberCommit, Refusals) { run_commit_refusals(backend_); }

}  // namespace
}  // namespace fllm::test
