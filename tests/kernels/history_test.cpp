// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/serial_isas.h"
#include "tests/support/history_suite.h"

namespace fllm::test {
namespace {

using HistoryOn = SerialIsas;

INSTANTIATE_TEST_SUITE_P(Cpu, HistoryOn, ::testing::ValuesIn(serial_isas().begin(), serial_isas().end()), isa_name);

TEST_P(HistoryOn, Steps) {
  auto cpu = backend();
  run_history_steps(cpu);
}
TEST_P(HistoryOn, Ranges) {
  auto cpu = backend(2);
  run_history_ranges(cpu);
}
TEST_P(HistoryOn, Limits) {
  auto cpu = backend();
  run_history_limits(cpu);
}
TEST_P(HistoryOn, Refusals) {
  auto cpu = backend();
  run_history_refusals(cpu);
}

}  // namespace
}  // namespace fllm::test
