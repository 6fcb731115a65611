// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>

#include "cuda/backend/cuda_backend.h"
#include "tests/gpu/replay_backend.h"
#include "tests/support/sample_suite.h"

namespace fllm::test {

/// How a kernel over rows is run: with so many blocks a row, launched, or replayed from graphs.
struct BlockMode {
  std::int32_t blocks_per_row;  // 0: as the shape asks for
  bool replayed;

  [[nodiscard]] std::string name() const {
    return (blocks_per_row == 0 ? "chosen" : std::to_string(blocks_per_row)) + (replayed ? "_replayed" : "_launched");
  }
  friend std::ostream& operator<<(std::ostream& out, const BlockMode& mode) { return out << mode.name(); }
};

/// Every number of blocks that a row may have; one of them replayed too.
inline auto every_block_mode() {
  return testing::Values(BlockMode{1, false}, BlockMode{2, false}, BlockMode{4, false}, BlockMode{8, false},
                         BlockMode{8, true});
}

inline auto every_launched_mode() {
  return testing::Values(BlockMode{1, false}, BlockMode{2, false}, BlockMode{4, false}, BlockMode{8, false});
}

class CudaBlocks : public testing::TestWithParam<BlockMode> {
 protected:
  CudaBlocks()
      : device_(make_cuda_backend(0)), blocks_(*device_, GetParam().blocks_per_row), replay_(blocks_, *device_) {}

  /// What is simulated takes time by its blocks: fewer random rows where a row has many.
  [[nodiscard]] static SuiteSize size() { return GetParam().blocks_per_row > 2 ? SuiteSize::kFew : SuiteSize::kFast; }
  Backend& backend() { return GetParam().replayed ? static_cast<Backend&>(replay_) : blocks_; }

 private:
  std::unique_ptr<Backend> device_;
  BlocksBackend blocks_;
  ReplayBackend replay_;
};

}  // namespace fllm::test
