// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/attention/softmax.h"

// A tile's products for a block of one thread: loops that become vector instructions.
namespace fllm::attention {

struct ThreadTile {
  const AttentionParams& p;
  const Work& work;
  const Memory& memory;
  States& states;
  bool join_chunks;

  /// A block of keys for all queries, then the next: it is in the nearest cache for all but the first.
  template <Cta C>
  FLLM_DEVICE void scores(const C& cta, const Tile& tile, std::int32_t position_count) const {
    for (std::int32_t block = 0; block < tile.count; block += kKvBlockTokens) {
      if (!work.whole(tile.base + block)) {
        score_path(cta, tile, block);
        continue;
      }
      const std::int64_t place = work.place(tile.base + block, p.layer.width);
      const std::int32_t next = tile.base + block + kKvBlockTokens;
      ask_for(cta, place, next < position_count ? work.place(next, p.layer.width) : place);
      const std::int32_t count = tile.count - block < kKvBlockTokens ? tile.count - block : kKvBlockTokens;
      for (std::int32_t q = 0; q < work.query_count(); ++q) {
        score_block(cta, p.layer.keys + place, count, q, memory.score + q * kTile + block);
      }
    }
  }

  /// A thread takes many columns at once, so that they share vector registers: 64, then 32, then what is left.
  template <Cta C>
  FLLM_DEVICE void values(const C&, const Tile& tile) const {
    for (std::int32_t q = 0; q < work.query_count(); ++q) {
      if (tile.positions_of(states, q) <= 0) continue;
      std::int32_t c = 0;
      for (; p.head_dim - c >= 64; c += 64) add_columns<64, true>(tile, q, c, 64);
      for (; p.head_dim - c >= 32; c += 32) add_columns<32, true>(tile, q, c, 32);
      if (c < p.head_dim) add_columns<32, false>(tile, q, c, p.head_dim - c);
    }
  }

 private:
  /// A block of a beam's own positions, one after the other: each may lie in another table.
  template <Cta C>
  FLLM_DEVICE void score_path(const C& cta, const Tile& tile, std::int32_t block) const {
    for (std::int32_t t = block; t < block + kKvBlockTokens && t < tile.count; ++t) {
      const float* key = p.layer.keys + work.place_on_path(p.blocks, tile.base + t, p.layer.width);
      for (std::int32_t q = 0; q < work.query_count(); ++q) score_block(cta, key, 1, q, memory.score + q * kTile + t);
    }
  }

  template <Cta C>
  FLLM_DEVICE void score_block(const C& cta, const float* key, std::int32_t count, std::int32_t q, float* score) const {
    const float* query = memory.query + q * p.head_dim;
    const std::int32_t head_dim = p.head_dim, width = p.layer.width;
    const float scale = p.scale;
    for (std::int32_t t = 0; t < count; ++t, key += width) {
      score[t] = strand_sum(cta, head_dim, [=](std::int32_t c, float s) { return fma32(query[c], key[c], s); }) * scale;
    }
  }

  /// The values of a block, which are read after the scores, and the keys of the next one.
  template <Cta C>
  FLLM_DEVICE void ask_for(const C& cta, std::int64_t place, std::int64_t next) const {
    for (std::int32_t t = 0; t < kKvBlockTokens; ++t) {
      cta.prefetch(p.layer.values + place + t * p.layer.width, p.head_dim);
      cta.prefetch(p.layer.keys + next + t * p.layer.width, p.head_dim);
    }
  }

  template <std::int32_t kColumns, bool kAll>
  FLLM_DEVICE void add_columns(const Tile& tile, std::int32_t q, std::int32_t column, std::int32_t some) const {
    const std::int32_t count = kAll ? kColumns : some, positions = tile.positions_of(states, q);
    const std::int32_t width = p.layer.width;
    float* chunk = memory.chunk + q * p.head_dim + column;
    const float* weights = memory.weight + q * kTile;
    float sum[kColumns] = {};
    const float rescale = states.rescale[q];
    for (std::int32_t c = 0; c < count; ++c) sum[c] = chunk[c] * rescale;
    for (std::int32_t t = 0; t < positions;) {
      const bool whole = work.whole(tile.base + t);
      const std::int64_t place =
          whole ? work.place(tile.base + t, width) : work.place_on_path(p.blocks, tile.base + t, width);
      const float* value = p.layer.values + place + column;
      const std::int32_t run = whole ? kKvBlockTokens : 1;  // positions that follow each other
      const std::int32_t end = positions - t < run ? positions : t + run;
      for (; t < end; ++t, value += width) {
        const float weight = weights[t];
        for (std::int32_t c = 0; c < count; ++c) sum[c] = fma32(weight, value[c], sum[c]);
      }
    }
    if (!join_chunks || !tile.last_of(states, q)) {
      for (std::int32_t c = 0; c < count; ++c) chunk[c] = sum[c];
      return;
    }
    float* total = memory.total + q * p.head_dim + column;
    const float keep = states.keep[q], take = states.take[q];
    for (std::int32_t c = 0; c < count; ++c) {
      total[c] = fma32(sum[c], take, total[c] * keep);
      chunk[c] = 0;
    }
  }
};

}  // namespace fllm::attention
