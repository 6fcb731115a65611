// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/attention/softmax.h"
#include "cuda/portable/vector4.h"

// A tile's products for a block of warps: keys and values are read once for all its queries. kQueries: at least as many as
// the block has, a power of two; what is computed for more than there are is thrown away.
namespace fllm::attention {

template <std::int32_t kQueries>
struct WarpTile {
  static constexpr std::int32_t kTogether = kQueries <= 8 ? 4 : 2;  // positions, so that a query is read once for them
  static constexpr std::int32_t kDots = kQueries * kTogether;

  const AttentionParams& p;
  const Work& work;
  const Memory& memory;
  States& states;
  bool join_chunks;

  /// A warp to a block of keys.
  template <Cta C>
  FLLM_DEVICE void scores(const C& cta, const Tile& tile, std::int32_t) const {
    const std::int32_t stride = cta.warp_count() * kKvBlockTokens;
    for (std::int32_t block = cta.warp() * kKvBlockTokens; block < tile.count; block += stride) {
      const std::int32_t count = tile.count - block < kKvBlockTokens ? tile.count - block : kKvBlockTokens;
      const std::int64_t first = work.place(tile.base + block, p.layer.width);
      const bool whole = work.whole(tile.base + block);
      const std::int32_t together = whole ? kTogether : 1;  // a beam's own positions may each lie in another table
      for (std::int32_t t = 0; t < count; t += together) {
        const std::int32_t last = count - t < together ? count - t - 1 : together - 1;
        const std::int64_t place = whole ? first + std::int64_t{t} * p.layer.width
                                         : work.place_on_path(p.blocks, tile.base + block + t, p.layer.width);
        score_some(cta, p.layer.keys + place, last, memory.score + block + t);
      }
    }
  }

  /// A thread to a column.
  template <Cta C>
  FLLM_DEVICE void values(const C& cta, const Tile& tile) const {
    const std::int32_t queries = work.query_count();
    std::int32_t common = tile.count;  // positions that all queries attend to
    for (std::int32_t q = 0; q < queries; q += work.head_count) {
      const std::int32_t own = tile.positions_of(states, q);
      common = own < common ? own : common;
    }
    for (std::int32_t column = cta.thread_index(); column < p.head_dim; column += cta.thread_count()) {
      float sum[kQueries];
      FLLM_UNROLL
      for (std::int32_t q = 0; q < kQueries; ++q) {
        sum[q] = memory.chunk[index(q) * p.head_dim + column] * states.rescale[index(q)];
      }
      for (std::int32_t block = 0; block < tile.count; block += kKvBlockTokens) {
        if (!work.whole(tile.base + block)) {
          add_path(tile, block, column, sum);
          continue;
        }
        const float* values = p.layer.values + work.place(tile.base + block, p.layer.width) + column;
        if (block + kKvBlockTokens <= common) {
          add_block(values, memory.weight + block, sum);
        } else {
          add_some(values, tile, block, sum);
        }
      }
      FLLM_UNROLL
      for (std::int32_t q = 0; q < kQueries; ++q) {
        if (q < queries && tile.positions_of(states, q) > 0) store(tile, q, column, sum[q]);
      }
    }
  }

 private:
  [[nodiscard]] FLLM_DEVICE std::int32_t index(std::int32_t query) const {
    return query < work.query_count() ? query : work.query_count() - 1;
  }

  /// Scores of positions 0 to last (the last one again in place of what is missing) of all queries.
  template <Cta C>
  FLLM_DEVICE void score_some(const C& cta, const float* keys, std::int32_t last, float* score) const {
    float dot[kDots] = {};
    for (std::int32_t c = cta.lane(); c < p.head_dim; c += C::kWarpWidth) {
      float key[kTogether];
      FLLM_UNROLL
      for (std::int32_t i = 0; i < kTogether; ++i) key[i] = keys[std::int64_t{i < last ? i : last} * p.layer.width + c];
      FLLM_UNROLL
      for (std::int32_t q = 0; q < kQueries; ++q) {
        const float query = memory.query[index(q) * p.head_dim + c];
        FLLM_UNROLL
        for (std::int32_t i = 0; i < kTogether; ++i) {
          dot[q * kTogether + i] = fma32(query, key[i], dot[q * kTogether + i]);
        }
      }
    }
    const float sum = strand_sums(cta, dot);
    const std::int32_t own = strand_sums_index<kDots>(cta), query = own / kTogether, i = own % kTogether;
    const bool first = cta.lane() % (C::kWarpWidth / kDots) == 0;  // of the lanes that have this sum
    if (first && query < work.query_count() && i <= last) score[query * kTile + i] = sum * p.scale;
  }

  /// A whole block of positions.
  FLLM_DEVICE void add_block(const float* values, const float* weights, float (&sum)[kQueries]) const {
    for (std::int32_t t = 0; t < kKvBlockTokens; t += 4, weights += 4) {
      float value[4];
      FLLM_UNROLL
      for (std::int32_t i = 0; i < 4; ++i) value[i] = values[std::int64_t{t + i} * p.layer.width];
      FLLM_UNROLL
      for (std::int32_t q = 0; q < kQueries; ++q) {
        const Vector4 weight = load4(weights + index(q) * kTile);
        FLLM_UNROLL
        for (std::int32_t i = 0; i < 4; ++i) sum[q] = fma32(weight.x[i], value[i], sum[q]);
      }
    }
  }

  /// A block of positions that not all queries attend to, or that is not whole.
  FLLM_DEVICE void add_some(const float* values, const Tile& tile, std::int32_t block, float (&sum)[kQueries]) const {
    for (std::int32_t t = block; t < block + kKvBlockTokens && t < tile.count; ++t) {
      const float value = values[std::int64_t{t - block} * p.layer.width];
      FLLM_UNROLL
      for (std::int32_t q = 0; q < kQueries; ++q) {
        const std::int32_t own = index(q);
        if (t < tile.positions_of(states, own)) sum[q] = fma32(memory.weight[own * kTile + t], value, sum[q]);
      }
    }
  }

  /// A block of a beam's own positions.
  FLLM_DEVICE void add_path(const Tile& tile, std::int32_t block, std::int32_t column, float (&sum)[kQueries]) const {
    for (std::int32_t t = block; t < block + kKvBlockTokens && t < tile.count; ++t) {
      const float* value = p.layer.values + work.place_on_path(p.blocks, tile.base + t, p.layer.width) + column;
      FLLM_UNROLL
      for (std::int32_t q = 0; q < kQueries; ++q) sum[q] = fma32(memory.weight[index(q) * kTile + t], *value, sum[q]);
    }
  }

  FLLM_DEVICE void store(const Tile& tile, std::int32_t query, std::int32_t column, float sum) const {
    const std::int32_t place = query * p.head_dim + column;
    const bool joins = join_chunks && tile.last_of(states, query);
    memory.chunk[place] = joins ? 0.0f : sum;
    if (joins) memory.total[place] = fma32(sum, states.take[query], memory.total[place] * states.keep[query]);
  }
};

}  // namespace fllm::attention
