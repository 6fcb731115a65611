// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/attention/finish.h"
#include "cuda/kernels/attention/softmax.h"
#include "cuda/kernels/attention/thread_tile.h"
#include "cuda/kernels/attention/warp_tile.h"
#include "cuda/kernels/attention/work.h"
#include "cuda/launch/launch_shape.h"

namespace fllm {

/// Causal attention of each row over positions [0, positions[row]], read through the block table.
///
/// Grid: rows x key heads x parts of their query heads x parts of the positions, see attention::work_of; a block owns the
/// elements of `out` of its query heads in its rows. Blocks that share positions are a cluster; where there are none, each
/// leaves its chunk in `chunks` and JoinChunks does the rest.
/// Bytes: reads 8 * head_dim per position, once for all queries of a block: the query heads of a key head (spread.heads) in
/// neighbouring rows of a sequence (spread.rows).
/// Determinism: positions are taken in tiles of 128, tiles in up to 8 chunks whose size follows from the number of positions
/// alone (attention::chunk_tiles). score[t] = scale * strand_sum(q . k[t]); in a chunk m is the largest score so far (NaN
/// passed over); weight[t] = 2^((score[t] - m) * log2 e), 0 below 2^-126. Between tiles of a chunk sum and values are
/// multiplied by the weight of the old m. A tile adds strand_sum(weight) to the sum, joined to the rescaled one by fma32, and
/// each value takes weight[t] * v[t] by fma32, t ascending. Chunks are joined in ascending order (attention::join),
/// starting
/// from nothing (m = -inf, sum and values +0); at the end values are divided by the sum. So a row's bits depend on its
/// sequence alone: not on its neighbours, nor on how blocks share the work.
/// Degenerate input: a NaN or +inf score, or all scores -inf, gives NaN, as a softmax does.
struct Attention {
  using Params = AttentionParams;  // spread: all chosen
  static constexpr std::int32_t kMaxThreads = 256;
  using Shared = attention::States;

  static LaunchShape shape(const Params& p) {
    const std::int32_t warps = (p.head_dim + 31) / 32;
    const std::int32_t floats = p.spread.rows * p.spread.heads * attention::Memory::floats(p.head_dim);
    return {p.out.rows * attention::blocks_per_row(p), 32 * (warps < 2 ? 2 : (warps > 8 ? 8 : warps)),
            static_cast<std::size_t>(floats) * sizeof(float), p.chunks.data == nullptr ? p.spread.parts : 1};
  }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared& states, const Params& p) const {
    const attention::Work work = attention::work_of(cta, p);
    const std::int32_t queries = work.query_count();
    if (queries == 0) return;  // of the whole cluster
    const auto memory = attention::Memory::in(cta.dynamic_shared(), queries, p.head_dim);
    const bool alone = p.spread.parts == 1;
    if constexpr (C::kWarpWidth == 1) {
      run(cta, attention::ThreadTile{p, work, memory, states, alone});
    } else if (queries == 1) {
      run(cta, attention::WarpTile<1>{p, work, memory, states, alone});
    } else if (queries <= 2) {
      run(cta, attention::WarpTile<2>{p, work, memory, states, alone});
    } else if (queries <= 4) {
      run(cta, attention::WarpTile<4>{p, work, memory, states, alone});
    } else if (queries <= 8) {
      run(cta, attention::WarpTile<8>{p, work, memory, states, alone});
    } else {
      run(cta, attention::WarpTile<16>{p, work, memory, states, alone});
    }
  }

 private:
  template <Cta C, class Products>
  FLLM_DEVICE static void run(C& cta, const Products& products) {
    const auto& [p, work, memory, states, alone] = products;
    open(cta, products);
    cta.sync();  // queries and states are there
    std::int32_t most = 0;
    for (std::int32_t q = 0; q < work.query_count(); q += work.head_count) {
      most = states.positions[q] > most ? states.positions[q] : most;
    }
    const std::int32_t begin = alone ? 0 : work.part * work.chunk_positions;
    const std::int32_t end = alone || most - begin < work.chunk_positions ? most : begin + work.chunk_positions;
    for (std::int32_t base = begin; base < end; base += attention::kTile) {
      const attention::Tile tile{base, end - base < attention::kTile ? end - base : attention::kTile,
                                 base - base % work.chunk_positions + work.chunk_positions};
      products.scores(cta, tile, most);
      cta.sync();  // all scores are written
      for (std::int32_t q = cta.warp(); q < work.query_count(); q += cta.warp_count()) {
        attention::weigh(cta, tile, memory, states, q, alone);
      }
      cta.sync();  // all weights are written, all scores read: the next tile may overwrite them
      products.values(cta, tile);
      // The next tile's weights are written behind its first barrier, which every thread reaches after reading these.
    }
    if (alone) return attention::write_total(cta, products);
    if (p.chunks.data != nullptr) return attention::leave_chunk(cta, products);
    cta.cluster_sync();  // every chunk is there
    attention::join_cluster(cta, products);
    cta.cluster_sync();  // nobody reads this block's memory any more
  }

  template <Cta C, class Products>
  FLLM_DEVICE static void open(const C& cta, const Products& products) {
    const auto& [p, work, memory, states, alone] = products;
    const std::int32_t head_dim = p.head_dim;
    for (std::int32_t q = 0; q < work.query_count(); ++q) {
      const float* query = p.qkv.row(work.row_of(q)) + work.head_of(q) * head_dim;
      float* copy = memory.query + q * head_dim;
      float* chunk = memory.chunk + q * head_dim;  // of these a thread has the same columns as in values
      float* total = memory.total + q * head_dim;
      for (std::int32_t c = cta.thread_index(); c < head_dim; c += cta.thread_count()) {
        copy[c] = query[c];
        chunk[c] = 0;
        total[c] = 0;
      }
    }
    for (std::int32_t q = cta.thread_index(); q < work.query_count(); q += cta.thread_count()) {
      states.positions[q] = p.positions[work.row_of(q)] + 1;
      states.maximum[q] = states.total_maximum[q] = -infinity32();
      states.sum[q] = states.total_sum[q] = states.rescale[q] = 0;
    }
  }
};

}  // namespace fllm
