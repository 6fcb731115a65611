// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "cuda/backend/make_fiber_backend.h"
#include "tests/support/sample_suite.h"

// One suite for every context: the cases of a kernel are a function `void run_…(Backend&)` in tests/support that allocates,
// uploads, calls the Backend's operation and compares what it downloads. Here it runs on fibers; the other tests of this
// folder give it the CPU backend of each instruction set, tests/gpu the CUDA backend. A suite therefore includes no kernel,
// only cuda/backend/backend.h, and compares bits, since every context must give the same.
namespace fllm::test {

/// A block size and an order of threads. Printed as in the names of the tests: threads_128_schedule_0.
struct FiberMachine {
  std::int32_t threads;
  FiberSchedule schedule;

  [[nodiscard]] std::string name() const {
    return "threads_" + std::to_string(threads) + "_schedule_" + std::to_string(schedule);
  }
  friend std::ostream& operator<<(std::ostream& out, const FiberMachine& machine) { return out << machine.name(); }
};

/// The extreme orders, in which one end of the block leads as far as barriers allow, and a shuffled one.
inline constexpr FiberSchedule kSchedules[] = {0, 1, 20240229};
inline constexpr std::int32_t kThreadCounts[] = {32, 128, 256, 1024};

inline std::vector<FiberMachine> every_machine() {
#if defined(FLLM_SANITIZED)  // every block size; it is addresses that count here, and each order has its turn
  return {{32, kSchedules[0]}, {128, kSchedules[1]}, {256, kSchedules[2]}, {1024, kSchedules[0]}};
#else
  std::vector<FiberMachine> machines;
  for (const std::int32_t threads : kThreadCounts) {
    for (const FiberSchedule schedule : kSchedules) machines.push_back({threads, schedule});
  }
  return machines;
#endif
}

/// Every block size, and every order at the size of most launches: for suites of many launches.
inline std::vector<FiberMachine> some_machines() {
#if defined(FLLM_SANITIZED)
  return every_machine();
#else
  return {{32, kSchedules[2]},  {128, kSchedules[0]}, {128, kSchedules[1]},
          {128, kSchedules[2]}, {256, kSchedules[1]}, {1024, kSchedules[2]}};
#endif
}

class FiberMachines : public testing::TestWithParam<FiberMachine> {
 protected:
  [[nodiscard]] static SuiteSize size() { return GetParam().threads > 32 ? SuiteSize::kFew : SuiteSize::kFast; }
  std::unique_ptr<Backend> owned_ = make_fiber_backend({GetParam().threads, GetParam().schedule});
  Backend& backend_ = *owned_;
};

inline std::string machine_name(const testing::TestParamInfo<FiberMachine>& info) { return info.param.name(); }

}  // namespace fllm::test
