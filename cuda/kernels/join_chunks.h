// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/attention/finish.h"
#include "cuda/launch/launch_shape.h"

namespace fllm {

/// The second half of Attention where the parts of a row are no cluster: joins the chunks they left.
///
/// Grid: rows x query heads; a block owns the elements of `out` of its head in its row, a thread some columns.
/// Bytes: reads 4 * (head_dim + 2) for each chunk of the row, writes a head.
/// Determinism: chunks in ascending order, by the function the other ways to spread attention use.
/// Degenerate input: as in Attention. Chunks the row has not were never written and are not read.
struct JoinChunks {
  using Params = AttentionParams;  // chunks given
  struct Shared {};

  static LaunchShape shape(const Params& p) {
    return {p.out.rows * p.heads, p.head_dim <= 128 ? (p.head_dim + 31) / 32 * 32 : 128, 0};
  }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared&, const Params& p) const {
    const std::int32_t row = cta.block_index() / p.heads, head = cta.block_index() % p.heads;
    const std::int32_t positions = p.positions[row] + 1,
                       chunk_positions = attention::chunk_tiles(positions) * attention::kTile;
    write_row(p.out, p.half, row, [&](const auto& put) {
      for (std::int32_t c = cta.thread_index(); c < p.head_dim; c += cta.thread_count()) {
        put(head * p.head_dim + c, attention::join_chunks(positions, chunk_positions, [&](std::int32_t chunk) {
              const auto place = attention::ChunkPlace::of(p, row, head, chunk);
              return attention::Chunk{place.state[0], place.state[1], place.values()[c]};
            }));
      }
    });
  }
};

}  // namespace fllm
