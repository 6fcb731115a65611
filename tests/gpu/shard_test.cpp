// SPDX-License-Identifier: Apache-2.0
#include "tests/support/shard_suite.h"

#include <gtest/gtest.h>

#include "tests/gpu/block_modes.h"

namespace fllm::test {
namespace {

using CudaShard = CudaBlocks;

INSTANTIATE_TEST_SUITE_P(Blocks, CudaShard, every_launched_mode(), testing::PrintToStringParamName());

TEST_P(CudaShard, Rows) { run_sharded_rows(backend(), size()); }
TEST_P(CudaShard, Filters) { run_sharded_filters(backend(), size()); }
TEST_P(CudaShard, Exchanges) { run_sharded_exchanges(backend()); }
TEST_P(CudaShard, Advance) { run_sharded_advance(backend()); }

}  // namespace
}  // namespace fllm::test
