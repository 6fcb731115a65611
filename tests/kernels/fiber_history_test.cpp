// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/fiber_machines.h"
#include "tests/support/history_suite.h"

namespace fllm::test {
namespace {

using FiberHistory = FiberMachines;

INSTANTIATE_TEST_SUITE_P(Every, FiberHistory, testing::ValuesIn(every_machine()), machine_name);

TEST_P(FiberHistory, Steps) { run_history_steps(backend_); }
TEST_P(FiberHistory, Ranges) { run_history_ranges(backend_); }
TEST_P(FiberHistory, Limits) { run_history_limits(backend_); }
TEST_P(FiberHistory, Refusals) { run_history_refusals(backend_); }

}  // namespace
}  // namespace fllm::test
