// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/attention/softmax.h"
#include "cuda/kernels/attention/work.h"
#include "cuda/kernels/row_sink.h"

// What becomes of a block's queries when it has taken its positions. A thread has written the columns it reads of its own
// block itself, and the states have been there since the barrier before.
namespace fllm::attention {

/// A chunk of a query head in memory, [2 + head_dim].
struct ChunkPlace {
  float* state;  // the largest score, then the sum

  [[nodiscard]] FLLM_DEVICE float* values() const { return state + 2; }
  FLLM_DEVICE static ChunkPlace of(const AttentionParams& p, std::int32_t row, std::int32_t head, std::int32_t chunk) {
    return {p.chunks.row(row) + (std::int64_t{head} * kAttentionChunks + chunk) * (p.head_dim + 2)};
  }
};

/// The block had all chunks.
template <Cta C, class Products>
FLLM_DEVICE void write_total(const C& cta, const Products& products) {
  const auto& [p, work, memory, states, alone] = products;
  for (std::int32_t q = 0; q < work.query_count(); ++q) {
    const float* total = memory.total + q * p.head_dim;
    const float sum = states.total_sum[q];
    const std::int32_t column = work.head_of(q) * p.head_dim, head_dim = p.head_dim;
    write_row(p.out, p.half, work.row_of(q), [&](const auto& put) {
      for (std::int32_t c = cta.thread_index(); c < head_dim; c += cta.thread_count()) put(column + c, total[c] / sum);
    });
  }
}

/// The block's chunk, for those of its queries that attend to something there.
template <Cta C, class Products>
FLLM_DEVICE void leave_chunk(const C& cta, const Products& products) {
  const auto& [p, work, memory, states, alone] = products;
  for (std::int32_t q = 0; q < work.query_count(); ++q) {
    if (work.part * work.chunk_positions >= states.positions[q]) continue;
    const ChunkPlace place = ChunkPlace::of(p, work.row_of(q), work.head_of(q), work.part);
    const float* chunk = memory.chunk + q * p.head_dim;
    for (std::int32_t c = cta.thread_index(); c < p.head_dim; c += cta.thread_count()) place.values()[c] = chunk[c];
    if (cta.thread_index() != 0) continue;
    place.state[0] = states.maximum[q];
    place.state[1] = states.sum[q];
  }
}

/// Each block of the cluster joins every chunk of some elements.
template <Cta C, class Products>
FLLM_DEVICE void join_cluster(const C& cta, const Products& products) {
  const AttentionParams& p = products.p;  // by name: lambdas may not capture structured bindings before Clang 16
  const Work& work = products.work;
  States& states = products.states;
  const float* chunks = products.memory.chunk;
  const std::int32_t first = cta.cluster_rank() * cta.thread_count() + cta.thread_index();
  for (std::int32_t i = first; i < work.query_count() * p.head_dim; i += cta.cluster_size() * cta.thread_count()) {
    const std::int32_t q = i / p.head_dim, column = work.head_of(q) * p.head_dim + i % p.head_dim;
    const float value = join_chunks(states.positions[q], work.chunk_positions, [&](std::int32_t chunk) {
      const auto* other = cta.remote(&states, chunk);
      return Chunk{other->maximum[q], other->sum[q], cta.remote(chunks, chunk)[i]};
    });
    write_row(p.out, p.half, work.row_of(q), [&](const auto& put) { put(column, value); });
  }
}

}  // namespace fllm::attention
