// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/cta/cta_concept.h"
#include "cuda/kernels/model_params.h"
#include "cuda/kernels/row_sink.h"
#include "cuda/launch/launch_shape.h"
#include "cuda/portable/gelu.h"

namespace fllm {

/// One element of a finished product. `before` is what `out` held; only kBiasResidual uses it.
template <Epilogue kKind>
FLLM_DEVICE float finish(float y, float bias, float before) {
  const float sum = y + bias;
  if constexpr (kKind == Epilogue::kBiasGelu) return gelu(sum);
  if constexpr (kKind == Epilogue::kBiasGeluTanh) return gelu_tanh(sum);
  if constexpr (kKind == Epilogue::kBiasResidual) return before + sum;
  return sum;
}

/// Bias, activation and residual after a matrix product.
///
/// Grid: one block per row, which owns the row of `out`.
/// Bytes: reads y (and out for the residual), writes out: 8 or 12 per element.
/// Determinism: element by element.
struct EpilogueKernel {
  using Params = EpilogueParams;
  struct Shared {};

  static LaunchShape shape(const Params& p) { return {p.out.rows, 128, 0}; }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared&, const Params& p) const {
    switch (p.kind) {
      case Epilogue::kBias:
        return finish_row<Epilogue::kBias>(cta, p);
      case Epilogue::kBiasGelu:
        return finish_row<Epilogue::kBiasGelu>(cta, p);
      case Epilogue::kBiasResidual:
        return finish_row<Epilogue::kBiasResidual>(cta, p);
      case Epilogue::kBiasGeluTanh:
        return finish_row<Epilogue::kBiasGeluTanh>(cta, p);
    }
  }

 private:
  template <Epilogue kKind, Cta C>
  FLLM_DEVICE static void finish_row(const C& cta, const Params& p) {
    const std::int32_t row = cta.block_index();
    const float* y = p.y.row(row);
    const float* before = p.out.row(row);
    write_row(p.out, p.half, row, [&](const auto& put) {
      for (std::int32_t c = cta.thread_index(); c < p.out.cols; c += cta.thread_count()) {
        put(c, finish<kKind>(y[c], p.bias != nullptr ? p.bias[c] : 0.0f, before[c]));
      }
    });
  }
};

}  // namespace fllm
