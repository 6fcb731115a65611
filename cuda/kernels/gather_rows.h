// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/cta/cta_concept.h"
#include "cuda/kernels/model_params.h"
#include "cuda/launch/launch_shape.h"

namespace fllm {

/// Picks rows by index.
///
/// Grid: one block per row of `out`, which owns it.
/// Bytes: reads and writes 4 * width per row.
/// Determinism: copies.
struct GatherRows {
  using Params = GatherRowsParams;
  struct Shared {};

  static LaunchShape shape(const Params& p) { return {p.out.rows, 128, 0}; }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared&, const Params& p) const {
    const std::int32_t row = cta.block_index();
    const float* x = p.x.row(p.rows[row]);
    float* out = p.out.row(row);
    for (std::int32_t c = cta.thread_index(); c < p.out.cols; c += cta.thread_count()) out[c] = x[c];
  }
};

}  // namespace fllm
