// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/cta/cta_concept.h"
#include "cuda/kernels/quantized_params.h"
#include "cuda/launch/launch_shape.h"
#include "cuda/portable/numeric.h"

namespace fllm {

/// Rows of floats to integers of 15 bits, for products with quantised weights. With the 8 bits that are usual, an activation
/// far above its neighbours leaves them little, and the most likely token of a small model changes at one position in 25.
///
/// Of each 32 elements, a = max |x|, m = 127 * 128: scale = a / m and n = x * (m / a), both divisions and the product rounded
/// to binary32, then to the nearest integer, ties to even: within [-m, m], and off by at most half a scale and a rounding
/// error. n = 128 high + low, two signed bytes. Elements all below 2^-100 count as 0, since m / a would overflow. An infinity
/// or NaN among them makes the scale NaN and the integers 0, so that every output of the row is NaN.
///
/// Grid: one block per row, which owns the row of `out`.
/// Bytes: 4 read and 2.75 written per element.
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
    constexpr auto kMost = static_cast<float>(kMostRowInteger);
    const float inverse = usable ? kMost / bit_cast<float>(most) : 0.0f;
    const std::int32_t keep = usable ? -1 : 0;
    constexpr float kRound = 0x1.8p23f;  // adding it leaves the nearest integer in the low bits
    // Loops of 32, the last one too: shorter ones are unrolled by the compiler before it looks for vectors.
    std::int32_t total = 0, high_total = 0, second = 0, high_second = 0;
    for (std::int32_t i = 0; i < kRowBlockElements; ++i) {
      const std::int32_t nearest = bit_cast<std::int32_t>(x[i] * inverse + kRound) - bit_cast<std::int32_t>(kRound);
      const std::int32_t value = nearest & keep, high = (value + 64) >> 7, half = -(i / (kRowBlockElements / 2));
      out.high[i] = static_cast<std::int8_t>(high);
      out.low[i] = static_cast<std::int8_t>(value - high * 128);
      total += value;
      high_total += high;
      second += value & half;
      high_second += high & half;
    }
    out.scale = most >= kInfinity ? not_a_number32() : usable ? bit_cast<float>(most) / kMost : 0.0f;
    out.scaled_sum = out.scale * static_cast<float>(total);
    const bool whole = p.scaled == kRowBlockElements;
    const std::int32_t high_first = whole ? high_total : high_total - high_second,
                       first = whole ? total : total - second;
    out.high_start[0] = -p.bias * high_first;
    out.high_start[1] = -p.bias * high_second;
    out.low_start[0] = -p.bias * (first - high_first * 128);
    out.low_start[1] = -p.bias * (second - high_second * 128);
  }
};

}  // namespace fllm
