// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/cta/cta_concept.h"
#include "cuda/kernels/attention_params.h"
#include "cuda/portable/numeric.h"

// Who attends to what, and how positions are cut up. A query is one query head of one row.
namespace fllm::attention {

constexpr std::int32_t kTile = 128;  // positions; a multiple of kStrands, so that t % 32 is the strand in every tile
constexpr std::int32_t kMaxQueries = 16;  // of a block

/// Tiles of a chunk, by the number of positions alone: the smallest power of two for which kAttentionChunks hold them all.
FLLM_HOST_DEVICE std::int32_t chunk_tiles(std::int32_t position_count) {
  std::int32_t tiles = 1;
  while (std::int64_t{tiles} * (kTile * kAttentionChunks) < position_count) tiles *= 2;
  return tiles;
}

/// What a block's queries share: all of them lie in rows of one sequence whose chunks have one size.
struct Work {
  std::int32_t row = 0;        // the first of them
  std::int32_t row_count = 0;  // 0: another block takes this row
  std::int32_t head = 0;       // the first query head
  std::int32_t head_count = 0;
  std::int32_t column = 0;  // of their key head in a row of the cache
  std::int32_t chunk_positions = 0;
  std::int32_t part = 0;                // of the positions: the chunk this block takes where chunks are shared out
  const std::int32_t* table = nullptr;  // blocks of the sequence, of a beam those of its prompt
  KvPath path;                          // with ancestors where there is one row, a beam

  [[nodiscard]] FLLM_DEVICE std::int32_t query_count() const { return row_count * head_count; }
  [[nodiscard]] FLLM_DEVICE std::int32_t row_of(std::int32_t query) const { return row + query / head_count; }
  [[nodiscard]] FLLM_DEVICE std::int32_t head_of(std::int32_t query) const { return head + query % head_count; }
  /// Elements from the start of a layer's keys (or values) to the key head of position t.
  [[nodiscard]] FLLM_DEVICE std::int64_t place(std::int32_t t, std::int32_t width) const {
    return place_in(table, t, width);
  }
  /// Whether the positions from t to the end of its block lie in one table, one behind the other.
  [[nodiscard]] FLLM_DEVICE bool whole(std::int32_t t) const {
    return path.ancestors == nullptr || t + kKvBlockTokens <= path.prompt_count;
  }
  /// As place, whatever table the position is in.
  [[nodiscard]] FLLM_DEVICE std::int64_t place_on_path(const BlockTables& blocks, std::int32_t t,
                                                       std::int32_t width) const {
    if (t < path.prompt_count) return place(t, width);
    const std::int64_t entry = std::int64_t{t - path.prompt_count} * path.width + path.slot;
    const std::int32_t writer = path.entry_bytes == 1 ? static_cast<const std::uint8_t*>(path.ancestors)[entry]
                                                      : static_cast<const std::uint16_t*>(path.ancestors)[entry];
    return place_in(blocks.table + (path.first_sequence + writer) * blocks.stride, t, width);
  }

 private:
  [[nodiscard]] FLLM_DEVICE std::int64_t place_in(const std::int32_t* blocks, std::int32_t t,
                                                  std::int32_t width) const {
    const std::int64_t slot = std::int64_t{blocks[t / kKvBlockTokens]} * kKvBlockTokens + t % kKvBlockTokens;
    return slot * width + column;
  }
};

/// Blocks of the grid for each row.
FLLM_HOST_DEVICE std::int32_t head_parts(const AttentionParams& p) {
  const std::int32_t group = p.out.cols / p.layer.width;  // query heads to a key head
  return (group + p.spread.heads - 1) / p.spread.heads;
}
FLLM_HOST_DEVICE std::int32_t blocks_per_row(const AttentionParams& p) {
  return p.layer.width / p.head_dim * head_parts(p) * p.spread.parts;
}

/// Whether both rows may be one block's.
FLLM_DEVICE bool together(const AttentionParams& p, std::int32_t a, std::int32_t b) {
  return p.blocks.row_sequence[a] == p.blocks.row_sequence[b] &&
         chunk_tiles(p.positions[a] + 1) == chunk_tiles(p.positions[b] + 1);
}

/// The parts of a row's positions follow each other, so that they can be a cluster; then the heads of a row, since their keys lie side by side.
/// Rows are taken alternately from both ends, so that equal parts of the grid are equal work also where positions rise from
/// row to row (a prompt). A block takes its row and those behind it up to a multiple of spread.rows, as far as they go
/// together; of the others none is left to do.
template <Cta C>
FLLM_DEVICE Work work_of(const C& cta, const AttentionParams& p) {
  const std::int32_t unit = cta.block_index() / p.spread.parts;
  const std::int32_t units = blocks_per_row(p) / p.spread.parts, parts = head_parts(p);
  const std::int32_t turn = unit / units, key_head = unit % units / parts, part = unit % units % parts;
  const std::int32_t group = p.out.cols / p.layer.width;
  Work work;
  work.row = turn % 2 == 0 ? turn / 2 : p.out.rows - 1 - turn / 2;
  work.head = key_head * group + part * p.spread.heads;
  work.head_count = group - part * p.spread.heads < p.spread.heads ? group - part * p.spread.heads : p.spread.heads;
  work.column = key_head * p.head_dim;
  work.chunk_positions = chunk_tiles(p.positions[work.row] + 1) * kTile;
  work.part = cta.block_index() % p.spread.parts;
  if (work.row < p.blocks.path_count) work.path = p.blocks.paths[work.row];
  const bool beam = work.path.ancestors != nullptr;
  const std::int32_t sequence = beam ? work.path.first_sequence : p.blocks.row_sequence[work.row];
  work.table = p.blocks.table + sequence * p.blocks.stride;
  if (work.row % p.spread.rows != 0 && together(p, work.row - 1, work.row)) return work;
  const std::int32_t beyond = work.row - work.row % p.spread.rows + p.spread.rows;
  const std::int32_t end = beyond < p.out.rows ? beyond : p.out.rows;
  work.row_count = 1;
  while (work.row + work.row_count < end && together(p, work.row, work.row + work.row_count)) ++work.row_count;
  return work;
}

/// The block's dynamic shared memory.
struct Memory {
  float* weight;  // [queries][kTile]
  float* score;   // [queries][kTile]
  float* query;   // [queries][head_dim]
  float* chunk;   // [queries][head_dim]: of the chunk so far, its values by their weights
  float* total;   // [queries][head_dim]: of the chunks before it

  FLLM_DEVICE static Memory in(void* shared, std::int32_t queries, std::int32_t head_dim) {
    auto* weight = static_cast<float*>(shared);
    float* score = weight + queries * kTile;
    float* query = score + queries * kTile;
    return {weight, score, query, query + queries * head_dim, query + 2 * queries * head_dim};
  }
  FLLM_HOST_DEVICE static constexpr std::int32_t floats(std::int32_t head_dim) { return 2 * kTile + 3 * head_dim; }
};

/// What is known of each query beside its values. A chunk starts with maximum -inf and values 0.
struct States {
  std::int32_t positions[kMaxQueries];  // it attends to
  float maximum[kMaxQueries];           // of the chunk so far
  float sum[kMaxQueries];
  float rescale[kMaxQueries];  // of what the chunk had before its latest tile
  float total_maximum[kMaxQueries];
  float total_sum[kMaxQueries];
  float keep[kMaxQueries];  // of the total when a chunk is joined to it
  float take[kMaxQueries];  // of the chunk
};

/// A tile of positions [base, base + count) in the chunk that ends before chunk_end.
struct Tile {
  std::int32_t base, count, chunk_end;

  /// Positions of the tile that a query attends to; 0 or less: none.
  [[nodiscard]] FLLM_DEVICE std::int32_t positions_of(const States& states, std::int32_t query) const {
    const std::int32_t left = states.positions[query] - base;
    return left < count ? left : count;
  }
  /// Whether the query has no later tile in the chunk.
  [[nodiscard]] FLLM_DEVICE bool last_of(const States& states, std::int32_t query) const {
    return base + kTile >= chunk_end || base + kTile >= states.positions[query];
  }
};

}  // namespace fllm::attention
