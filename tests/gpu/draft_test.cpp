// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "cuda/backend/cuda_backend.h"
#include "tests/gpu/block_modes.h"
#include "tests/support/draft_suite.h"

// Verification of drafts as compiled CUDA: with every number of blocks a row may have, launched, and replayed from graphs.
namespace fllm::test {
namespace {

using CudaDrafts = CudaBlocks;

TEST_P(CudaDrafts, Rows) { run_drafted_rows(backend(), SuiteSize::kFast); }
TEST_P(CudaDrafts, LargeRows) { run_large_drafts(backend(), SuiteSize::kFew); }

INSTANTIATE_TEST_SUITE_P(Blocks, CudaDrafts, every_block_mode(), testing::PrintToStringParamName());

// What does not depend on how a row is shared out.
TEST(CudaDraftsOnce, Edges) { run_draft_edges(*make_cuda_backend(0)); }
TEST(CudaDraftsOnce, HostileDrafts) { run_hostile_drafts(*make_cuda_backend(0)); }
TEST(CudaDraftsOnce, Streams) { run_draft_streams(*make_cuda_backend(0), SuiteSize::kFew); }
TEST(CudaDraftsOnce, Supports) { run_row_supports(*make_cuda_backend(0), SuiteSize::kFew); }
TEST(CudaDraftsOnce, Refusals) { run_draft_refusals(*make_cuda_backend(0)); }

}  // namespace
}  // namespace fllm::test
