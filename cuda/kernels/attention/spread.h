// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "cuda/kernels/attention/work.h"
#include "cuda/launch/launch_shape.h"

// How attention is spread over blocks where the caller leaves it open. Decides about speed, never about a result.
namespace fllm::attention {

constexpr std::int32_t kMemoryFloats = 11 * 1024;  // of a block: with its states below the 48 KiB every launch may have
constexpr std::int32_t kMaxHeadDim = (kMemoryFloats - Memory::floats(0)) / (Memory::floats(1) - Memory::floats(0));

/// Queries whose memory a block can hold.
constexpr std::int32_t most_queries(std::int32_t head_dim) {
  const std::int32_t room = kMemoryFloats / Memory::floats(head_dim);
  return room < 1 ? 1 : (room > kMaxQueries ? kMaxQueries : room);
}

/// Positions are shared out where there is not a block for every multiprocessor and the block tables can hold more than two
/// tiles; the length of a sequence is not known here. One thread takes more than a query at a time only where there are
/// blocks enough for all threads: with eight rows and more.
inline AttentionSpread choose_spread(const AttentionParams& p, const LaunchTarget& target) {
  constexpr std::int32_t kManyRows = 8;
  const std::int32_t group = p.out.cols / p.layer.width;
  const std::int32_t most = most_queries(p.head_dim);
  const bool one_thread = target.warp_width == 1;
  AttentionSpread spread = p.spread;
  if (spread.heads == 0) {
    const std::int32_t wanted = one_thread && p.out.rows < kManyRows ? 1 : std::min(group, most);
    const std::int32_t parts = (group + wanted - 1) / wanted;
    spread.heads = (group + parts - 1) / parts;  // of equal size
  }
  if (spread.rows == 0) spread.rows = one_thread && p.out.rows < kManyRows ? 1 : std::max(1, most / spread.heads);
  if (spread.parts == 0) {
    const std::int64_t blocks =
        std::int64_t{p.out.rows} * (p.layer.width / p.head_dim) * ((group + spread.heads - 1) / spread.heads);
    const bool few = blocks <= target.multiprocessors && p.blocks.stride * kKvBlockTokens > 2 * kTile;
    spread.parts = few && target.max_cluster >= kAttentionChunks ? kAttentionChunks : 1;
  }
  return spread;
}

}  // namespace fllm::attention
