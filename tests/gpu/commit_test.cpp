// SPDX-License-Identifier: Apache-2.0
#include "tests/support/commit_suite.h"

#include <gtest/gtest.h>

#include <memory>

#include "cuda/backend/cuda_backend.h"
#include "tests/gpu/replay_backend.h"
#include "tests/support/draft_loop_suite.h"

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
TEST(CudaCommit, StepsWithDrafts) {
  auto device = make_cuda_backend(0);
  run_draft_loop_steps(*device, SuiteSize::kFast);
}
TEST(CudaCommit, ReplayedStepsWithDrafts) {
  auto device = make_cuda_backend(0);
  ReplayBackend replay(*device, *device);
  run_draft_loop_steps(replay, SuiteSize::kFew);
}
TEST(CudaCommit, RefusalsOfDrafts) {
  auto device = make_cuda_backend(0);
  run_draft_loop_refusals(*device);
}
TEST(CudaCommit, Refusals) {
  auto device = make_cuda_backend(0);
  run_commit_refusals(*device);
}

}  // namespace
}  // namespace fllm::test
