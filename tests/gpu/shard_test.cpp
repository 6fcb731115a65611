// SPDX-License-Identifier: Apache-2.0
#include "tests/support/shard_suite.h"

#include <gtest/gtest.h>

#include <memory>

#include "cuda/backend/cuda_backend.h"
#include "tests/support/forwarding_backend.h"

namespace fllm::test {
namespace {

class CudaShard : public testing::TestWithParam<std::int32_t> {  // blocks of a row
 protected:
  CudaShard() : device_(make_cuda_backend(0)), blocks_(*device_, GetParam()) {}

  Backend& backend() { return blocks_; }

 private:
  std::unique_ptr<Backend> device_;
  BlocksBackend blocks_;
};

INSTANTIATE_TEST_SUITE_P(Blocks, CudaShard, testing::Values(1, 2, 4, 8), testing::PrintToStringParamName());

TEST_P(CudaShard, Rows) { run_sharded_rows(backend(), SuiteSize::kFast); }
TEST_P(CudaShard, Filters) { run_sharded_filters(backend(), SuiteSize::kFast); }
TEST_P(CudaShard, Exchanges) { run_sharded_exchanges(backend()); }
TEST_P(CudaShard, Advance) { run_sharded_advance(backend()); }

}  // namespace
}  // namespace fllm::test
