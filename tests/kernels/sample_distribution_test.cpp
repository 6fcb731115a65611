// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <thread>

#include "tests/kernels/serial_isas.h"

namespace fllm::test {
namespace {

// One instruction set: that the others draw the same ids is sample_row_test's matter.
TEST(SampleDistribution, FrequenciesMatchTheExactProbabilities) {
  const auto threads = std::clamp(static_cast<std::int32_t>(std::thread::hardware_concurrency()), 1, 8);
  SerialBackend cpu(choose_serial_kernels(), threads);
  run_distribution(cpu, kLongSuite);
}

}  // namespace
}  // namespace fllm::test
