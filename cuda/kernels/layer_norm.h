// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/model_params.h"
#include "cuda/kernels/row_sink.h"
#include "cuda/launch/launch_shape.h"
#include "cuda/portable/numeric.h"
#include "cuda/primitives/strand_sum.h"

namespace fllm {

/// Layer normalisation (Ba et al. 2016): out = ((x - mean) * (1 / sqrt(variance + epsilon))) * weight + bias.
///
/// Grid: one block of one warp per row, which owns the row of `out`.
/// Bytes: reads the row three times (twice from cache), weights and biases, writes the row.
/// Determinism: mean = strand_sum(x) / width; variance = strand_sum of the squared differences from it (fma32) / width;
/// the rest as written, each operation rounded once, the last two in one fma32.
/// Degenerate rows: NaN or an infinity in x gives NaN throughout.
struct LayerNorm {
  using Params = LayerNormParams;
  struct Shared {};

  static LaunchShape shape(const Params& p) { return {p.out.rows, 32, 0}; }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared&, const Params& p) const {
    if (cta.warp() > 0) return;  // in place, another warp would read what this one has written
    const std::int32_t row = cta.block_index();
    const float* x = p.x.row(row);
    const float width = static_cast<float>(p.out.cols);
    const float mean = strand_sum(cta, p.out.cols, [x](std::int32_t c, float s) { return s + x[c]; }) / width;
    const float squares = strand_sum(cta, p.out.cols, [x, mean](std::int32_t c, float s) {
      const float difference = x[c] - mean;
      return fma32(difference, difference, s);
    });
    const float scale = 1.0f / sqrt32(squares / width + p.epsilon);
    write_row(p.out, p.half, row, [&](const auto& put) {
      for (std::int32_t c = cta.lane(); c < p.out.cols; c += C::kWarpWidth) {
        put(c, fma32((x[c] - mean) * scale, p.weight[c], p.bias[c]));
      }
    });
  }
};

}  // namespace fllm
