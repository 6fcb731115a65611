// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/cta/cta_concept.h"
#include "cuda/kernels/model_params.h"
#include "cuda/launch/launch_shape.h"

namespace fllm {

/// Copies the filled part of blocks of a layer's cache, keys and values.
///
/// Grid: one block of threads per copied block, which owns the destination. No destination is also a source.
/// Bytes: reads and writes 8 * tokens * width per block.
/// Determinism: copies.
struct CopyBlocks {
  using Params = CopyBlocksParams;
  struct Shared {};

  static LaunchShape shape(const Params& p) { return {p.count, 256, 0}; }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared&, const Params& p) const {
    const std::int64_t elements = std::int64_t{kKvBlockTokens} * p.layer.width;
    const std::int64_t source = p.source[cta.block_index()] * elements;
    const std::int64_t destination = p.destination[cta.block_index()] * elements;
    const std::int64_t filled = std::int64_t{p.tokens} * p.layer.width;
    for (std::int64_t i = cta.thread_index(); i < filled; i += cta.thread_count()) {
      p.layer.keys[destination + i] = p.layer.keys[source + i];
      p.layer.values[destination + i] = p.layer.values[source + i];
    }
  }
};

}  // namespace fllm
