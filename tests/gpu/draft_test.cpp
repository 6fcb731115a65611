// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "cuda/backend/cuda_backend.h"
#include "tests/gpu/replay_backend.h"
#include "tests/support/draft_suite.h"

// Verification of drafts as compiled CUDA: with every number of blocks a row may have, launched, and replayed from graphs.
namespace fllm::test {
namespace {

struct DraftMode {
  std::int32_t blocks_per_row;  // 0: as the shape asks for
  bool replayed;

  friend std::ostream& operator<<(std::ostream& out, const DraftMode& mode) {
    return out << mode.blocks_per_row << (mode.replayed ? "_replayed" : "_launched");
  }
};

class CudaDrafts : public testing::TestWithParam<DraftMode> {
 protected:
  CudaDrafts()
      : device_(make_cuda_backend(0)), blocks_(*device_, GetParam().blocks_per_row), replay_(blocks_, *device_) {}

  Backend& backend() { return GetParam().replayed ? static_cast<Backend&>(replay_) : blocks_; }

 private:
  std::unique_ptr<Backend> device_;
  BlocksBackend blocks_;
  ReplayBackend replay_;
};

TEST_P(CudaDrafts, Rows) { run_drafted_rows(backend(), SuiteSize::kFast); }
TEST_P(CudaDrafts, LargeRows) { run_large_drafts(backend(), SuiteSize::kFew); }

INSTANTIATE_TEST_SUITE_P(Blocks, CudaDrafts,
                         testing::Values(DraftMode{1, false}, DraftMode{2, false}, DraftMode{4, false},
                                         DraftMode{8, false}, DraftMode{8, true}),
                         testing::PrintToStringParamName());

// What does not depend on how a row is shared out.
TEST(CudaDraftsOnce, Edges) { run_draft_edges(*make_cuda_backend(0)); }
TEST(CudaDraftsOnce, HostileDrafts) { run_hostile_drafts(*make_cuda_backend(0)); }
TEST(CudaDraftsOnce, Streams) { run_draft_streams(*make_cuda_backend(0), SuiteSize::kFew); }
TEST(CudaDraftsOnce, Supports) { run_row_supports(*make_cuda_backend(0), SuiteSize::kFew); }
TEST(CudaDraftsOnce, Refusals) { run_draft_refusals(*make_cuda_backend(0)); }

}  // namespace
}  // namespace fllm::test
