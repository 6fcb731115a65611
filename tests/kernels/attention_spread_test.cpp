// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "cuda/kernels/attention/spread.h"

namespace fllm::attention {
namespace {

constexpr AttentionHeads kHeads{9, 3, 64};
constexpr LaunchTarget kWithoutClusters{.multiprocessors = 108};
constexpr LaunchTarget kWithClusters{.multiprocessors = 132, .max_cluster = 8};
constexpr LaunchTarget kCpu{.warp_width = 1, .multiprocessors = 108};

/// One row of each of so many sequences, with memory for the chunks of so many.
AttentionParams decoding(std::int32_t rows, std::int32_t chunk_rows, std::int32_t context = 4096) {
  static float memory = 0;  // never looked at
  AttentionParams p;
  p.blocks.stride = context / kKvBlockTokens;
  p.layer.width = kHeads.key * kHeads.dim;
  p.heads = kHeads.query;
  p.head_dim = kHeads.dim;
  p.out = {&memory, rows, kHeads.query * kHeads.dim, kHeads.query * kHeads.dim};
  if (chunk_rows > 0) p.chunks = {&memory, chunk_rows, 1, 1};
  return p;
}

TEST(AttentionSpread, PositionsAreSharedOutThroughMemoryWhereBlocksAreFewerThanMultiprocessors) {
  const std::int32_t most = chunk_rows(kWithoutClusters, 1000, kHeads);
  EXPECT_EQ(most, 108 / 3);  // a block for each key head of a row
  EXPECT_EQ(chunk_rows(kWithoutClusters, 5, kHeads), 5);
  for (std::int32_t rows = 1; rows < 60; ++rows) {
    const AttentionParams chosen = with_spread(decoding(rows, most), kWithoutClusters);
    EXPECT_EQ(chosen.spread.parts, rows <= most ? kAttentionChunks : 1) << rows;
    EXPECT_EQ(chosen.chunks.data != nullptr, rows <= most) << rows;
  }
  EXPECT_EQ(with_spread(decoding(1, most, 256), kWithoutClusters).spread.parts, 1) << "two tiles";
  EXPECT_EQ(with_spread(decoding(1, 0), kWithoutClusters).spread.parts, 1) << "without memory";
  EXPECT_EQ(with_spread(decoding(3, 2), kWithoutClusters).spread.parts, 1) << "with too little memory";
}

TEST(AttentionSpread, ClustersNeedNoMemory) {
  EXPECT_EQ(chunk_rows(kWithClusters, 1000, kHeads), 0);
  for (const std::int32_t chunk_rows : {0, 9}) {
    const AttentionParams chosen = with_spread(decoding(1, chunk_rows), kWithClusters);
    EXPECT_EQ(chosen.spread.parts, kAttentionChunks);
    EXPECT_EQ(chosen.chunks.data, nullptr);
  }
  EXPECT_EQ(with_spread(decoding(45, 0), kWithClusters).spread.parts, 1);
}

TEST(AttentionSpread, ThreadsOfACpuTakeWholeRows) {
  EXPECT_EQ(chunk_rows(kCpu, 1000, kHeads), 0);
  EXPECT_EQ(with_spread(decoding(1, 0), kCpu).spread.parts, 1);
}

}  // namespace
}  // namespace fllm::attention
