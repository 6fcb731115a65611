// SPDX-License-Identifier: Apache-2.0
#include "tests/support/commit_suite.h"

#include <gtest/gtest.h>

#include <memory>

#include "cuda/backend/cuda_backend.h"
#include "tests/gpu/replay_backend.h"

namespace fllm::test {
namespace {

TEST(CudaCommit, Steps) {
  auto device = make_cuda_backend(0);
  run_commit_steps(*device);
}
TEST(CudaCommit, ReplayedSteps) {
  auto device = make_cuda_backend(0);
  ReplayBackend replay(*device, *device);
  run_commit_steps(replay);
}
TEST(CudaCommit, Refusals) {
  auto device = make_cuda_backend(0);
  run_commit_refusals(*device);
}

}  // namespace
}  // namespace fllm::test
