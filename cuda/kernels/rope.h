// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/cta/cta_concept.h"
#include "cuda/kernels/model_params.h"
#include "cuda/launch/launch_shape.h"
#include "cuda/portable/numeric.h"

namespace fllm {

/// Turns the pairs of elements of each head: (a, b) becomes (a cos - b sin, a sin + b cos).
///
/// Grid: one block per row, a warp to a head, which owns its elements of `x`.
/// Bytes: reads and writes 8 * pairs for each head, and reads as much of the table.
/// Determinism: the table comes from the host, the same for every context. a' = fma32(a, cos, -(b * sin)),
/// b' = fma32(a, sin, b * cos).
struct Rope {
  using Params = RopeParams;
  struct Shared {};

  static LaunchShape shape(const Params& p) { return {p.x.rows, 128, 0}; }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared&, const Params& p) const {
    const std::int32_t row = cta.block_index();
    const float* angles = p.angles.row(p.positions[row]);
    for (std::int32_t head = cta.warp(); head < p.heads; head += cta.warp_count()) {
      float* x = p.x.row(row) + head * p.head_dim;
      const std::int32_t pairs = p.angles.cols / 2;
      if (p.pairing == RopePairing::kInterleaved) {
        turn(cta, angles, {x, x + 1, 2}, pairs);
      } else {
        turn(cta, angles, {x, x + pairs, 1}, pairs);
      }
    }
  }

 private:
  struct Pairs {
    float* first;
    float* second;
    std::int32_t step;
  };

  template <Cta C>
  FLLM_DEVICE static void turn(const C& cta, const float* angles, const Pairs& x, std::int32_t pairs) {
    for (std::int32_t i = cta.lane(); i < pairs; i += C::kWarpWidth) {
      const float cosine = angles[2 * i], sine = angles[2 * i + 1];
      const float a = x.first[i * x.step], b = x.second[i * x.step];
      x.first[i * x.step] = fma32(a, cosine, -(b * sine));
      x.second[i * x.step] = fma32(a, sine, b * cosine);
    }
  }
};

}  // namespace fllm
