// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/kv_address.h"
#include "cuda/launch/launch_shape.h"
#include "cuda/portable/numeric.h"
#include "cuda/primitives/strand_sum.h"

namespace fllm {

/// Causal attention of one head of one row over positions [0, positions[row]], read through the block table.
///
/// Grid: one block per (row, head), which owns its head_dim elements of `out`. The heads of a row follow each other, since
/// their keys are the same or lie side by side; rows are taken alternately from both ends, so that equal parts of the grid are
/// equal work also where positions rise from row to row (a prompt).
/// Bytes: reads 8 * head_dim per position, once for each query head.
/// Determinism: positions are taken in tiles of 128. score[t] = scale * strand_sum(q . k[t]); m is the largest score so
/// far (NaN passed over); weight[t] = 2^((score[t] - m) * log2 e), 0 below 2^-126. Between tiles sum and output are
/// multiplied by the weight of the old m. A tile adds strand_sum(weight) to the sum, joined to the rescaled one by fma32,
/// and each output element takes weight[t] * v[t] by fma32, t ascending. At the end it is divided by the sum. No size of
/// context or head is special.
/// Degenerate input: a NaN or +inf score, or all scores -inf, gives NaN, as a softmax does.
struct Attention {
  using Params = AttentionParams;
  static constexpr std::int32_t kTile = 128;  // a multiple of kStrands, so that t % 32 is the strand in every tile
  static constexpr std::int32_t kPrefetchDistance = 8;  // positions; measured
  struct Shared {
    float score[kTile];
    float weight[kTile];
  };

  static LaunchShape shape(const Params& p) { return {p.heads * p.out.rows, 128, 0}; }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared& shared, const Params& p) const {
    const std::int32_t turn = cta.block_index() / p.heads;
    const std::int32_t row = turn % 2 == 0 ? turn / 2 : p.out.rows - 1 - turn / 2;
    const std::int32_t head = cta.block_index() % p.heads;
    const std::int32_t group = p.out.cols / p.layer.width;  // query heads to a key head
    const std::int32_t first_column = head / group * p.head_dim;
    const float* query = p.qkv.row(row) + head * p.head_dim;
    float* out = p.out.row(row) + head * p.head_dim;
    const std::int32_t position_count = p.positions[row] + 1;
    float maximum = -infinity32(), sum = 0;
    for (std::int32_t base = 0; base < position_count; base += kTile) {
      const std::int32_t count = position_count - base < kTile ? position_count - base : kTile;
      for (std::int32_t t = cta.warp(); t < count; t += cta.warp_count()) {
        const std::int64_t place = kv_offset(p.blocks, row, base + t, p.layer.width) + first_column;
        const float* key = p.layer.keys + place;
        if constexpr (C::kWarpWidth == 1) {
          cta.prefetch(p.layer.values + place, p.head_dim);  // read after the scores
          const std::int32_t ahead = base + t + kPrefetchDistance;
          if (ahead < position_count) {
            cta.prefetch(p.layer.keys + kv_offset(p.blocks, row, ahead, p.layer.width) + first_column, p.head_dim);
          }
        }
        const float dot =
            strand_sum(cta, p.head_dim, [=](std::int32_t c, float s) { return fma32(query[c], key[c], s); });
        if (cta.lane() == 0) shared.score[t] = dot * p.scale;
      }
      cta.sync();  // all scores are written

      const float* score = shared.score;
      const float new_maximum = strand_max(cta, count, maximum, [=](std::int32_t t) { return score[t]; });
      const float rescale = weight_of(maximum, new_maximum);  // 0 in the first tile
      maximum = new_maximum;
      for (std::int32_t t = cta.thread_index(); t < count; t += cta.thread_count()) {
        shared.weight[t] = weight_of(score[t], maximum);
      }
      cta.sync();  // all weights are written, all scores read: the next tile may overwrite them

      const float* weight = shared.weight;
      sum = fma32(sum, rescale, strand_sum(cta, count, [=](std::int32_t t, float s) { return s + weight[t]; }));
      const Tile tile{p.layer.values + first_column,  weight, row, base, count, rescale,
                      base + count == position_count, sum};
      add_values(cta, tile, p, out);
      // The next tile's weights are written behind its first barrier, which every thread reaches after reading these.
    }
  }

 private:
  struct Tile {
    const float* values;
    const float* weight;
    std::int32_t row, base, count;
    float rescale;
    bool last;
    float sum;
  };

  FLLM_DEVICE static float weight_of(float score, float maximum) {
    const float x = (score - maximum) * 0x1.715476p+0f;
    const float weight = exp2_shared(x >= -126.0f ? x : -126.0f);
    return x >= -126.0f ? weight : (x < -126.0f ? 0.0f : x);  // x is NaN in the last case
  }

  /// out = (out * rescale + weights . values), over the sum after the last tile. A thread of a warp of one takes many
  /// columns at once, so that they share vector registers: 64, then 32, then what is left.
  template <Cta C>
  FLLM_DEVICE static void add_values(const C& cta, const Tile& tile, const Params& p, float* out) {
    if constexpr (C::kWarpWidth == 1) {
      std::int32_t c = 0;
      for (; p.head_dim - c >= 64; c += 64) add_columns<64, true>(tile, p, c, 64, out + c);
      for (; p.head_dim - c >= 32; c += 32) add_columns<32, true>(tile, p, c, 32, out + c);
      if (c < p.head_dim) add_columns<32, false>(tile, p, c, p.head_dim - c, out + c);
    } else {
      for (std::int32_t c = cta.thread_index(); c < p.head_dim; c += cta.thread_count()) {
        add_columns<1, true>(tile, p, c, 1, out + c);
      }
    }
  }

  template <std::int32_t kColumns, bool kAll>
  FLLM_DEVICE static void add_columns(const Tile& tile, const Params& p, std::int32_t column, std::int32_t some,
                                      float* out) {
    const std::int32_t count = kAll ? kColumns : some;
    float total[kColumns] = {};
    if (tile.base > 0) {
      for (std::int32_t c = 0; c < count; ++c) total[c] = out[c] * tile.rescale;
    }
    for (std::int32_t t = 0; t < tile.count; ++t) {
      const float* value = tile.values + kv_offset(p.blocks, tile.row, tile.base + t, p.layer.width) + column;
      const float weight = tile.weight[t];
      for (std::int32_t c = 0; c < count; ++c) total[c] = fma32(weight, value[c], total[c]);
    }
    for (std::int32_t c = 0; c < count; ++c) out[c] = tile.last ? total[c] / tile.sum : total[c];
  }
};

}  // namespace fllm
