// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/cta/cta_concept.h"
#include "cuda/kernels/model_params.h"
#include "cuda/kernels/row_sink.h"
#include "cuda/launch/launch_shape.h"
#include "cuda/portable/sigmoid.h"

namespace fllm {

/// The gate of a feed-forward layer (Shazeer 2020): out = silu(gate) * up.
///
/// Grid: one block per 1,024 columns of a row, which owns them.
/// Bytes: reads 8, writes 4 per element.
/// Determinism: element by element.
struct SwiGlu {
  using Params = SwiGluParams;
  struct Shared {};
  static constexpr std::int32_t kPartColumns = 1024;

  static LaunchShape shape(const Params& p) { return {p.out.rows * part_count(p), 256, 0}; }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared&, const Params& p) const {
    const std::int32_t row = cta.block_index() / part_count(p);
    const std::int32_t begin = cta.block_index() % part_count(p) * kPartColumns;
    const std::int32_t end = p.out.cols - begin < kPartColumns ? p.out.cols : begin + kPartColumns;
    const float* gate = p.gate_up.row(row);
    const float* up = gate + p.out.cols;
    write_row(p.out, p.half, row, [&](const auto& put) {
      for (std::int32_t c = begin + cta.thread_index(); c < end; c += cta.thread_count()) put(c, silu(gate[c]) * up[c]);
    });
  }

 private:
  FLLM_HOST_DEVICE static std::int32_t part_count(const Params& p) {
    return (p.out.cols + kPartColumns - 1) / kPartColumns;
  }
};

}  // namespace fllm
