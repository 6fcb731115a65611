// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/fiber_machines.h"
#include "tests/support/shard_suite.h"

namespace fllm::test {
namespace {

using FiberSharding = FiberMachines;

INSTANTIATE_TEST_SUITE_P(Every, FiberSharding, testing::ValuesIn(every_machine()), machine_name);

TEST_P(FiberSharding, Rows) { run_sharded_rows(backend_, size()); }
TEST_P(FiberSharding, Filters) { run_sharded_filters(backend_, size()); }
TEST_P(FiberSharding, Exchanges) { run_sharded_exchanges(backend_); }
TEST_P(FiberSharding, FullLists) { run_sharded_full_lists(backend_); }
TEST_P(FiberSharding, Advance) { run_sharded_advance(backend_); }

}  // namespace
}  // namespace fllm::test
