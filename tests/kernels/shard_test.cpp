// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/serial_isas.h"
#include "tests/support/shard_suite.h"

namespace fllm::test {
namespace {

using ShardOn = SerialIsas;

INSTANTIATE_TEST_SUITE_P(Cpu, ShardOn, ::testing::ValuesIn(serial_isas().begin(), serial_isas().end()), isa_name);

TEST_P(ShardOn, Rows) {
  auto cpu = backend(2);
  run_sharded_rows(cpu, long_suite());
}
TEST_P(ShardOn, Filters) {
  auto cpu = backend();
  run_sharded_filters(cpu, long_suite());
}
TEST_P(ShardOn, Exchanges) {
  auto cpu = backend();
  run_sharded_exchanges(cpu);
}
TEST_P(ShardOn, FullLists) {
  auto cpu = backend();
  run_sharded_full_lists(cpu);
}
TEST_P(ShardOn, Advance) {
  auto cpu = backend();
  run_sharded_advance(cpu);
}
TEST_P(ShardOn, Refusals) {
  auto cpu = backend();
  run_sharded_refusals(cpu);
}

}  // namespace
}  // namespace fllm::test
