// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cuda/kernels/quantized_params.h"
#include "tests/support/quantized_oracle.h"

// Products with quantised weights, restated plainly: blocks as in quantized_oracle.h, the order of the roundings from the
// comments of QuantizeRows and QuantizedProduct. Shares with them only the types.
namespace fllm::test {

/// The weights of one row. blocks: whole blocks of the type.
[[nodiscard]] std::vector<PlainWeight> plain_weights(QuantizedType type, std::span<const std::byte> blocks);
[[nodiscard]] double plain_value(const PlainWeight& weight);

/// 32 elements of a row.
struct PlainRowBlock {
  std::vector<std::int32_t> values;
  float scale = 0;
};
[[nodiscard]] std::vector<PlainRowBlock> plain_row_blocks(std::span<const float> x);

/// One output before its epilogue.
[[nodiscard]] float plain_quantized_dot(QuantizedType type, const std::vector<PlainWeight>& weights,
                                        const std::vector<PlainRowBlock>& x);

/// How far the output may be from the product of the exact weights and x, both in binary64:
/// of an element x_i with scale s, rounding to integers loses s / 2, and its three binary32 roundings 3 * 2^-24 |x_i|; of the
/// chain of n fused multiply-adds, each loses 2^-24 of a partial sum, which the magnitudes' sum bounds; products of scales,
/// scaled_sum and integers of more than 24 bits are rounded once more each.
struct PlainBound {
  double exact = 0;
  double error = 0;
};
[[nodiscard]] PlainBound plain_quantized_bound(const std::vector<PlainWeight>& weights, std::span<const float> x,
                                               const std::vector<PlainRowBlock>& blocks);

}  // namespace fllm::test
