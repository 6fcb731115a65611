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

/// Query heads of a key head that a block takes, at most `most`: parts of equal size.
constexpr std::int32_t heads_together(std::int32_t group, std::int32_t most) {
  const std::int32_t wanted = std::min(group, most), parts = (group + wanted - 1) / wanted;
  return (group + parts - 1) / parts;
}

/// Rows of AttentionParams::chunks that launches of up to `rows` rows may use: as many as leave multiprocessors without a
/// block. None where parts are a cluster, and on a CPU, whose threads are fewer than heads.
inline std::int32_t chunk_rows(const LaunchTarget& target, std::int32_t rows, const AttentionHeads& heads) {
  if (target.warp_width == 1 || target.max_cluster >= kAttentionChunks) return 0;
  const std::int32_t group = heads.query / heads.key, together = heads_together(group, most_queries(heads.dim));
  const std::int64_t blocks = std::int64_t{heads.key} * ((group + together - 1) / together);
  return static_cast<std::int32_t>(std::min<std::int64_t>(rows, target.multiprocessors / blocks));
}

/// The params with what they leave open chosen. Positions are shared out where there is not a block for every
/// multiprocessor and the block tables can hold more than two tiles; the length of a sequence is not known here. One thread
/// takes more than a query at a time only where there are blocks enough for all threads: with eight rows and more.
inline AttentionParams with_spread(const AttentionParams& p, const LaunchTarget& target) {
  constexpr std::int32_t kManyRows = 8;
  const std::int32_t group = p.out.cols / p.layer.width;
  const std::int32_t most = most_queries(p.head_dim);
  const bool one_by_one = target.warp_width == 1 && p.out.rows < kManyRows;
  AttentionParams chosen = p;
  AttentionSpread& spread = chosen.spread;
  if (spread.heads == 0) spread.heads = heads_together(group, one_by_one ? 1 : most);
  if (spread.rows == 0) spread.rows = one_by_one ? 1 : std::max(1, most / spread.heads);
  if (spread.parts == 0) {
    const std::int64_t blocks =
        std::int64_t{p.out.rows} * (p.layer.width / p.head_dim) * ((group + spread.heads - 1) / spread.heads);
    const bool few = blocks <= target.multiprocessors && p.blocks.stride * kKvBlockTokens > 2 * kTile;
    const bool clusters = target.max_cluster >= kAttentionChunks;
    spread.parts = few && (clusters || p.out.rows <= p.chunks.rows) ? kAttentionChunks : 1;
    if (clusters) chosen.chunks = {};
  }
  if (spread.parts == 1) chosen.chunks = {};
  return chosen;
}

}  // namespace fllm::attention
