// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/cta/cta_concept.h"
#include "cuda/kernels/model_params.h"
#include "cuda/launch/launch_shape.h"

namespace fllm {

/// Token embedding, plus position embedding where there is one.
///
/// Grid: one block per row, which owns the row of `out`.
/// Bytes: reads two table rows, writes one row: 12 * width.
/// Determinism: one addition per element.
struct Embed {
  using Params = EmbedParams;
  struct Shared {};

  static LaunchShape shape(const Params& p) { return {p.out.rows, 128, 0}; }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared&, const Params& p) const {
    const std::int32_t row = cta.block_index();
    const float* token = p.table.row(p.tokens[row]);
    float* out = p.out.row(row);
    if (p.position_table.data == nullptr) {
      for (std::int32_t c = cta.thread_index(); c < p.out.cols; c += cta.thread_count()) out[c] = token[c];
      return;
    }
    const float* position = p.position_table.row(p.positions[row]);
    for (std::int32_t c = cta.thread_index(); c < p.out.cols; c += cta.thread_count()) out[c] = token[c] + position[c];
  }
};

}  // namespace fllm
