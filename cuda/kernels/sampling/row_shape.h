// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row.h"
#include "cuda/launch/launch_shape.h"

// How many blocks and threads a row gets. Decides about speed, never about a result.
namespace fllm::sampling {

constexpr std::int32_t kRowThreads = 128;                     // of a block
constexpr std::int32_t kSmallRowThreads = 64;                 // where a block has few ids
constexpr std::int32_t kLeastSlice = 4096;                    // ids worth a block of their own
constexpr std::size_t kStaticBytes = sizeof(SharedRow) + 64;  // of a block; ShardRow has a little more than a row
// Of a multiprocessor, so that loads of one cover the work of another: 3 * 128 threads * 168 registers (scripts/kernel_budget)
// are 64,512 of its 65,536, and each gets a third of its shared memory (75 KiB of 227 on compute capability 9.0).
constexpr std::int32_t kBlocksTogether = 3;

/// The choice: `most` blocks of a row at this many rows on a device of 132 multiprocessors, in proportion on others. Few
/// rows are spread out, so that all multiprocessors load; many rows fill the device as they are.
struct BlockChoice {
  std::int32_t rows;
  std::int32_t most;
};
constexpr BlockChoice kBlockChoices[] = {{16, 8}, {66, 4}, {132, 2}, {INT32_MAX, 1}};

constexpr std::int32_t blocks_by_rows(std::int32_t rows, std::int32_t multiprocessors) {
  for (const BlockChoice& choice : kBlockChoices) {
    if (choice.rows == INT32_MAX || std::int64_t{rows} * 132 <= std::int64_t{choice.rows} * multiprocessors) {
      return choice.most;
    }
  }
  return 1;
}

/// Dynamic shared memory of a block whose values are in it.
inline std::size_t resident_bytes(const RowLayout& layout) {
  return static_cast<std::size_t>(layout.mass_bytes() + layout.part_bytes() + layout.value_bytes());
}

inline std::size_t streamed_bytes(const RowLayout& layout) {
  return static_cast<std::size_t>(layout.mass_bytes() + layout.part_bytes());
}

inline RowLayout layout_on(const LaunchTarget& target, std::int32_t vocab, std::int32_t blocks, std::int32_t lane_ids) {
  std::int32_t threads = vocab <= blocks * kLeastSlice ? kSmallRowThreads : kRowThreads;
  if (target.threads != 0) threads = target.threads;
  const std::int32_t group = kGroupLanes * (target.warp_width > 1 ? lane_ids : 1);
  return row_layout(vocab, blocks, threads, target.warp_width, group);
}

/// Blocks of a row: what the number of rows asks for, more where the values would not fit beside those of other blocks, or
/// would not fit at all. held: rows that a block holds at once.
inline std::int32_t choose_blocks(const LaunchTarget& target, std::int32_t rows, std::int32_t vocab,
                                  std::int32_t lane_ids, std::int32_t held = 1) {
  const std::int32_t most = target.max_cluster < kMaxBlocks ? target.max_cluster : kMaxBlocks;
  const std::size_t available = target.block_shared_bytes - kStaticBytes;
  const std::size_t together = target.block_shared_bytes / kBlocksTogether - kStaticBytes - 1024;
  std::int32_t blocks = blocks_by_rows(rows, target.multiprocessors);
  while (blocks > 1 && (blocks > most || vocab < blocks * kLeastSlice)) blocks /= 2;
  const auto bytes = [&](std::int32_t count) {
    return static_cast<std::size_t>(held) * resident_bytes(layout_on(target, vocab, count, lane_ids));
  };
  while (blocks < most && bytes(blocks) > together) blocks *= 2;
  return bytes(blocks) <= available ? blocks : most;
}

/// A launch whose blocks hold `held` rows at once; streamed: their values lie in global memory.
struct RowLaunch {
  std::int32_t rows;
  std::int32_t vocab;
  std::int32_t blocks_per_row;  // 0: chosen
  std::int32_t held;
  bool streamed;
};

inline LaunchShape row_shape(const RowLaunch& launch, const LaunchTarget& target, std::int32_t lane_ids) {
  const std::int32_t blocks = launch.blocks_per_row > 0
                                  ? launch.blocks_per_row
                                  : choose_blocks(target, launch.rows, launch.vocab, lane_ids, launch.held);
  const RowLayout layout = layout_on(target, launch.vocab, blocks, lane_ids);
  const std::int32_t threads = target.warp_width > 1 ? layout.chunks * target.warp_width : kRowThreads;
  const std::size_t bytes = launch.streamed ? streamed_bytes(layout) : resident_bytes(layout);
  return {launch.rows * blocks, threads, static_cast<std::size_t>(launch.held) * bytes, blocks};
}

inline LaunchShape sample_shape(const SampleParams& p, const LaunchTarget& target, std::int32_t lane_ids) {
  return row_shape({p.rows, p.vocab, p.blocks_per_row, 1, p.scratch != nullptr}, target, lane_ids);
}

/// Floats of scratch that rows held at once need: 0 when they stay on chip with every number of blocks the target may use.
inline std::int64_t scratch_elements(const LaunchTarget& target, std::int32_t vocab, std::int32_t blocks_per_row,
                                     std::int32_t held = 1) {
  const std::int32_t most = target.max_cluster < kMaxBlocks ? target.max_cluster : kMaxBlocks;
  const std::int32_t blocks = blocks_per_row > 0 ? blocks_per_row : most;
  // Groups of 16-bit logits are wider, so their slices are no shorter.
  const RowLayout layout = layout_on(target, vocab, blocks, kLaneIds<Half>);
  const bool fits = static_cast<std::size_t>(held) * resident_bytes(layout) + kStaticBytes <= target.block_shared_bytes;
  return fits ? 0 : std::int64_t{held} * layout.blocks * layout.slice_width();
}

}  // namespace fllm::sampling
