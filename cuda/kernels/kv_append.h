// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/kv_address.h"
#include "cuda/kernels/model_params.h"
#include "cuda/launch/launch_shape.h"

namespace fllm {

/// Stores each row's key and value at its position in the cache.
///
/// Grid: one block per row, which owns the row's place in the cache: rows of a batch are distinct (sequence, position)
/// pairs, and a block that is written has one owner.
/// Bytes: reads and writes 8 * width each.
/// Determinism: copies.
struct KvAppend {
  using Params = KvAppendParams;
  struct Shared {};

  static LaunchShape shape(const Params& p) { return {p.qkv.rows, 128, 0}; }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared&, const Params& p) const {
    const std::int32_t row = cta.block_index();
    const std::int32_t width = p.layer.width;
    const float* key = p.qkv.row(row) + p.qkv.cols - 2 * width;
    const float* value = key + width;
    const std::int64_t place = kv_offset(p.blocks, row, p.positions[row], width);
    for (std::int32_t c = cta.thread_index(); c < width; c += cta.thread_count()) {
      p.layer.keys[place + c] = key[c];
      p.layer.values[place + c] = value[c];
    }
  }
};

}  // namespace fllm
