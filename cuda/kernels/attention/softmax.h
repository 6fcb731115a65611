// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/attention/work.h"
#include "cuda/primitives/strand_sum.h"

// The arithmetic of attention: scores to weights, tiles to a chunk, chunks to a total.
namespace fllm::attention {

/// What scores are measured from: the maximum, and a finite number where it is -inf.
FLLM_DEVICE float reference_of(float maximum) { return maximum > -0x1.fffffep127f ? maximum : -0x1.fffffep127f; }

FLLM_DEVICE float weight_of(float score, float reference) {
  const float x = (score - reference) * 0x1.715476p+0f;
  const float weight = exp2_shared(x >= -126.0f ? x : -126.0f);
  return x >= -126.0f ? weight : (x < -126.0f ? 0.0f : x);  // x is NaN in the last case
}

/// Two sets of positions seen as one. A set's values are joined likewise: fma32(new, take, old * keep).
struct Joined {
  float maximum, sum, keep, take;
};
FLLM_DEVICE Joined join(float old_maximum, float old_sum, float maximum, float sum) {
  Joined joined{};
  joined.maximum = maximum > old_maximum ? maximum : old_maximum;
  const float reference = reference_of(joined.maximum);
  joined.keep = weight_of(old_maximum, reference);
  joined.take = weight_of(maximum, reference);
  joined.sum = fma32(sum, joined.take, old_sum * joined.keep);
  return joined;
}

/// What a chunk has of one column of a query.
struct Chunk {
  float maximum, sum, value;
};

/// A query's output in one column: its chunks, of which chunk_of(i) is the i-th, joined in order.
template <class ChunkOf>
FLLM_DEVICE float join_chunks(std::int32_t positions, std::int32_t chunk_positions, const ChunkOf& chunk_of) {
  float maximum = -infinity32(), sum = 0, total = 0;
  for (std::int32_t i = 0; i * chunk_positions < positions; ++i) {
    const Chunk chunk = chunk_of(i);
    const Joined joined = join(maximum, sum, chunk.maximum, chunk.sum);
    total = fma32(chunk.value, joined.take, total * joined.keep);
    maximum = joined.maximum;
    sum = joined.sum;
  }
  return total / sum;
}

/// The weights of a tile for one query, and what becomes of its maximum and sum. For a whole warp. join_chunks: whether
/// chunks that end are joined to the total here.
template <Cta C>
FLLM_DEVICE void weigh(const C& cta, const Tile& tile, const Memory& memory, States& states, std::int32_t query,
                       bool join_chunks) {
  const std::int32_t count = tile.positions_of(states, query);
  if (count <= 0) return;
  const float* score = memory.score + query * kTile;
  float* weight = memory.weight + query * kTile;
  const float before = states.maximum[query];
  const float maximum = strand_max(cta, count, before, [=](std::int32_t t) { return score[t]; });
  const float reference = reference_of(maximum), rescale = weight_of(before, reference);
  for (std::int32_t t = cta.lane(); t < count; t += C::kWarpWidth) weight[t] = weight_of(score[t], reference);
  // Each lane sums what it has written itself.
  const float part = strand_sum(cta, count, [=](std::int32_t t, float s) { return s + weight[t]; });
  if (cta.lane() != 0) return;
  const float sum = fma32(states.sum[query], rescale, part);
  const bool joins = join_chunks && tile.last_of(states, query);
  states.maximum[query] = joins ? -infinity32() : maximum;  // the other lanes have given what they read to strand_max
  states.sum[query] = sum;                                  // from a maximum of -inf, rescaled to nothing
  states.rescale[query] = rescale;
  if (!joins) return;
  const Joined joined = join(states.total_maximum[query], states.total_sum[query], maximum, sum);
  states.total_maximum[query] = joined.maximum;
  states.total_sum[query] = joined.sum;
  states.keep[query] = joined.keep;
  states.take[query] = joined.take;
}

}  // namespace fllm::attention
