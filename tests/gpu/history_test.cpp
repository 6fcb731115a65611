// SPDX-License-Identifier: Apache-2.0
#include "tests/support/history_suite.h"

#include <gtest/gtest.h>

#include <memory>

#include "cuda/backend/cuda_backend.h"
#include "tests/gpu/replay_backend.h"

namespace fllm::test {
namespace {

class CudaHistory : public testing::TestWithParam<bool> {  // replayed or not
 protected:
  CudaHistory() : device_(make_cuda_backend(0)), replay_(*device_, *device_) {}

  Backend& backend() { return GetParam() ? static_cast<Backend&>(replay_) : *device_; }

 private:
  std::unique_ptr<Backend> device_;
  ReplayBackend replay_;
};

INSTANTIATE_TEST_SUITE_P(Modes, CudaHistory, testing::Bool(),
                         [](const auto& info) { return info.param ? "Replayed" : "Launched"; });

TEST_P(CudaHistory, Steps) { run_history_steps(backend()); }
TEST_P(CudaHistory, Ranges) { run_history_ranges(backend()); }
TEST_P(CudaHistory, Limits) { run_history_limits(backend()); }
TEST_P(CudaHistory, Refusals) {
  auto device = make_cuda_backend(0);  // nothing is captured: there is no launch
  run_history_refusals(*device);
}

}  // namespace
}  // namespace fllm::test
