// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/cta/cta_concept.h"
#include "cuda/kernels/quantized_params.h"
#include "cuda/launch/launch_shape.h"
#include "cuda/portable/numeric.h"

namespace fllm {

/// Rows of floats to signed bytes, for products with quantised weights.
///
/// Of each 32 elements, a = max |x|: scale = a / 127 and values = x * (127 / a), both divisions and the product rounded to
/// binary32, then to the nearest integer, ties to even: within [-127, 127], and off by at most half a scale and a rounding
/// error. Elements all below 2^-100 count as 0, since 127 / a would overflow. An infinity or NaN among them makes the scale
/// NaN and the values 0, so that every output of the row is NaN.
///
/// Grid: one block per row, which owns the row of `out`.
/// Bytes: 4 read and 1.5 written per element.
/// Determinism: block of 32 by block of 32; the sums are integers.
struct QuantizeRows {
  using Params = QuantizeRowsParams;
  struct Shared {};

  static LaunchShape shape(const Params& p) { return {p.out.rows, 32, 0}; }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared&, const Params& p) const {
    const std::int32_t row = cta.block_index();
    for (std::int32_t block = cta.thread_index(); block < p.out.cols; block += cta.thread_count()) {
      quantize(p.x.row(row) + std::int64_t{block} * kRowBlockElements, p, p.out.row(row)[block]);
    }
  }

 private:
  FLLM_DEVICE static void quantize(const float* x, const Params& p, RowBlock& out) {
    constexpr std::int32_t kInfinity = 0x7f800000, kTiny = (127 - 100) << 23;  // as bits; 2^-100
    std::int32_t most = 0;  // magnitudes are ordered as their bits are, NaN above all
    for (std::int32_t i = 0; i < kRowBlockElements; ++i) {
      const std::int32_t magnitude = bit_cast<std::int32_t>(x[i]) & 0x7fffffff;
      most = magnitude > most ? magnitude : most;
    }
    const bool usable = most >= kTiny && most < kInfinity;
    const float inverse = usable ? 127.0f / bit_cast<float>(most) : 0.0f;
    const std::int32_t keep = usable ? -1 : 0;
    constexpr float kRound = 0x1.8p23f;  // adding it leaves the nearest integer in the low bits
    // Loops of 32, the last one too: shorter ones are unrolled by the compiler before it looks for vectors.
    std::int32_t total = 0, second = 0;
    for (std::int32_t i = 0; i < kRowBlockElements; ++i) {
      const std::int32_t nearest = bit_cast<std::int32_t>(x[i] * inverse + kRound) - bit_cast<std::int32_t>(kRound);
      const std::int32_t value = nearest & keep;
      out.values[i] = static_cast<std::int8_t>(value);
      total += value;
      second += value & -(i / (kRowBlockElements / 2));
    }
    out.scale = most >= kInfinity ? not_a_number32() : usable ? bit_cast<float>(most) / 127.0f : 0.0f;
    out.scaled_sum = out.scale * static_cast<float>(total);
    out.start[0] = -p.bias * (p.scaled == kRowBlockElements ? total : total - second);
    out.start[1] = -p.bias * second;
  }
};

}  // namespace fllm
