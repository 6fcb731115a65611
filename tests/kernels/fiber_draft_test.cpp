// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/fiber_machines.h"
#include "tests/support/draft_suite.h"

namespace fllm::test {
namespace {

using FiberDrafts = FiberMachines;

INSTANTIATE_TEST_SUITE_P(Every, FiberDrafts, testing::ValuesIn(every_machine()), machine_name);

TEST_P(FiberDrafts, Rows) { run_drafted_rows(backend_, size()); }
TEST_P(FiberDrafts, LargeRows) { run_large_drafts(backend_, SuiteSize::kFew); }

TEST(FiberDraftsOnce, TheRest) {
  const std::unique_ptr<Backend> fibers = make_fiber_backend({64, 1});
  run_draft_streams(*fibers, SuiteSize::kFew);
  run_draft_edges(*fibers);
  run_hostile_drafts(*fibers);
  run_row_supports(*fibers, SuiteSize::kFew);
  run_draft_refusals(*fibers);
}

}  // namespace
}  // namespace fllm::test
