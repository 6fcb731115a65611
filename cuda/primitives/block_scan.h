// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/cta/cta_concept.h"
#include "cuda/portable/fixed_point.h"
#include "cuda/primitives/block_reduce.h"

namespace fllm {

/// Sum of the values of lanes 0..lane. Integers, so the tree does not matter.
template <Cta C>
FLLM_DEVICE Mass warp_inclusive_sum(const C& cta, Mass value) {
  FLLM_UNROLL
  for (std::int32_t step = 1; step < C::kWarpWidth; step <<= 1) {
    const Mass below = cta.shuffle(value, cta.lane() >= step ? cta.lane() - step : cta.lane());
    if (cta.lane() >= step) value += below;
  }
  return value;
}

struct ScanResult {
  Mass before;  // sum over the threads before this one
  Mass total;
};

/// Exclusive prefix sum over the threads of the block. slots is shared memory that nobody else uses meanwhile, up to the
/// block's next barrier.
template <Cta C>
FLLM_DEVICE ScanResult block_scan(const C& cta, Mass (&slots)[kMaxWarps], Mass value) {
  const Mass inclusive = warp_inclusive_sum(cta, value);
  if constexpr (C::kWarpWidth == 1) {
    return {0, inclusive};
  } else {
    if (cta.lane() == C::kWarpWidth - 1) slots[cta.warp()] = inclusive;
    cta.sync();  // slots are written
    ScanResult result{inclusive - value, 0};
    for (std::int32_t w = 0; w < cta.warp_count(); ++w) {
      if (w < cta.warp()) result.before += slots[w];
      result.total += slots[w];
    }
    return result;
  }
}

/// What part of [0, count) a thread owns when order matters: contiguous, in thread order.
struct Chunk {
  std::int32_t begin;
  std::int32_t end;
};
template <Cta C>
FLLM_DEVICE Chunk thread_chunk(const C& cta, std::int32_t count) {
  const std::int32_t width = (count + cta.thread_count() - 1) / cta.thread_count();
  const std::int32_t begin = cta.thread_index() * width < count ? cta.thread_index() * width : count;
  return {begin, begin + width < count ? begin + width : count};
}

struct Crossing {
  std::int32_t index;  // first one whose running weight reaches the goal; -1: the total does not
  Mass before;         // running weight in front of it
  Mass total;
};

struct CrossingShared {
  Mass slots[kMaxWarps];
  Crossing result;
};

/// First index of [0, count) at which the running sum of weight_at is at least goal (> 0); all threads get it. What
/// weight_at reads must be visible to the block.
template <Cta C, class WeightAt>
FLLM_DEVICE Crossing find_crossing(const C& cta, CrossingShared& shared, std::int32_t count, Mass goal,
                                   const WeightAt& weight_at) {
  const Chunk chunk = thread_chunk(cta, count);
  Mass sum = 0;
  for (std::int32_t i = chunk.begin; i < chunk.end; ++i) sum += weight_at(i);
  const ScanResult scan = block_scan(cta, shared.slots, sum);
  if (scan.before < goal && goal <= scan.before + sum) {  // one thread, when the total reaches the goal
    Mass running = scan.before;
    std::int32_t i = chunk.begin;
    while (running + weight_at(i) < goal) running += weight_at(i++);
    shared.result = {i, running, scan.total};
  }
  if (cta.thread_index() == 0 && scan.total < goal) shared.result = {-1, scan.total, scan.total};
  cta.sync();            // the result is written
  return shared.result;  // the next search writes it behind the barriers of its scan
}

}  // namespace fllm
