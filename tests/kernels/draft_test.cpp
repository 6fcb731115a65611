// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/kernels/serial_isas.h"
#include "tests/support/draft_suite.h"

namespace fllm::test {
namespace {

using DraftsOn = SerialIsas;

INSTANTIATE_TEST_SUITE_P(Cpu, DraftsOn, ::testing::ValuesIn(serial_isas().begin(), serial_isas().end()), isa_name);

TEST_P(DraftsOn, Rows) {
  auto cpu = backend(2);
  run_drafted_rows(cpu, is_chosen() ? kLongSuite : SuiteSize::kFast);
}
TEST_P(DraftsOn, LargeRows) {
  auto cpu = backend(2);
  run_large_drafts(cpu, is_chosen() ? kLongSuite : SuiteSize::kFast);
}
TEST_P(DraftsOn, Edges) {
  auto cpu = backend();
  run_draft_edges(cpu);
}

// Nothing that an instruction set could change.
TEST(Drafts, Streams) {
  SerialBackend cpu(choose_serial_kernels(), 1);
  run_draft_streams(cpu, kLongSuite);
}
TEST(Drafts, HostileDrafts) {
  SerialBackend cpu(choose_serial_kernels(), 1);
  run_hostile_drafts(cpu);
}
TEST(Drafts, Supports) {
  SerialBackend cpu(choose_serial_kernels(), 1);
  run_row_supports(cpu, kLongSuite);
}
TEST(Drafts, Refusals) {
  SerialBackend cpu(choose_serial_kernels(), 1);
  run_draft_refusals(cpu);
}
TEST(Drafts, EverySequenceHasItsProbability) {
  SerialBackend cpu(choose_serial_kernels(), 2);
  run_draft_enumeration(cpu);
}
TEST(Drafts, FrequenciesMatchTheTarget) {
  SerialBackend cpu(choose_serial_kernels(), 2);
  run_draft_distribution(cpu, kLongSuite);
}

}  // namespace
}  // namespace fllm::test
