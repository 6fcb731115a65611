// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/model_params.h"
#include "cuda/kernels/row_sink.h"
#include "cuda/launch/launch_shape.h"
#include "cuda/portable/numeric.h"
#include "cuda/primitives/strand_sum.h"

namespace fllm {

/// Root-mean-square normalisation: out = (x * (1 / sqrt(mean(x^2) + epsilon))) * weight.
///
/// Grid: one block of one warp per row, which owns the row of `out`.
/// Bytes: reads the row twice (the second time from cache) and the weights, writes the row.
/// Determinism: the squares are added by strand_sum with fma32; one division by the width, one addition, one square root,
/// one reciprocal and two multiplications follow, each rounded once.
/// Degenerate rows: NaN in x gives NaN throughout; an infinity gives NaN in its place and 0 elsewhere.
struct RmsNorm {
  using Params = RmsNormParams;
  struct Shared {};

  static LaunchShape shape(const Params& p) { return {p.out.rows, 32, 0}; }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared&, const Params& p) const {
    if (cta.warp() > 0) return;  // in place, another warp would read what this one has written
    const std::int32_t row = cta.block_index();
    const float* x = p.x.row(row);
    const float sum = strand_sum(cta, p.out.cols, [x](std::int32_t c, float s) { return fma32(x[c], x[c], s); });
    const float scale = 1.0f / sqrt32(sum / static_cast<float>(p.out.cols) + p.epsilon);
    write_row(p.out, p.half, row, [&](const auto& put) {
      for (std::int32_t c = cta.lane(); c < p.out.cols; c += C::kWarpWidth) put(c, x[c] * scale * p.weight[c]);
    });
  }
};

}  // namespace fllm
