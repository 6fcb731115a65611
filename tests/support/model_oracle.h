// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cuda/kernels/model_params.h"

// The model's operations on one row, restated plainly from the comments of the kernels: the same roundings in the same
// order. Shares with them only exp2_shared, gelu, gelu_tanh and silu, which portable_test holds to the true functions.
namespace fllm::test {

/// Element i belongs to strand i % 32; strands start at +0 and are joined by xor steps 16, 8, 4, 2, 1.
[[nodiscard]] float plain_strand_dot(std::span<const float> a, std::span<const float> b);
[[nodiscard]] float plain_strand_total(std::span<const float> values);

[[nodiscard]] std::vector<float> plain_rms_norm(std::span<const float> x, std::span<const float> weight, float epsilon);

[[nodiscard]] std::vector<float> plain_layer_norm(std::span<const float> x, std::span<const float> weight,
                                                  std::span<const float> bias, float epsilon);
/// One head with its pairs turned. angles: cosine and sine of each pair by turns.
[[nodiscard]] std::vector<float> plain_rope(std::span<const float> head, std::span<const float> angles,
                                            RopePairing pairing);
/// gate_up: the gates, then as many others.
[[nodiscard]] std::vector<float> plain_swiglu(std::span<const float> gate_up);

/// One head of one row. keys, values: [positions][head_dim].
struct PlainHead {
  std::vector<float> query;
  std::vector<std::vector<float>> keys, values;
  float scale = 1;
};
[[nodiscard]] std::vector<float> plain_attention(const PlainHead& head);
/// The same in binary64, as a textbook has it.
[[nodiscard]] std::vector<double> exact_attention(const PlainHead& head);

/// A float rounded to the nearest number of 16 bits, ties to even, beyond them infinity; and the number that bits stand for.
[[nodiscard]] std::uint16_t plain_to_half(FloatType type, float value);
[[nodiscard]] float plain_from_half(FloatType type, std::uint16_t bits);

/// One output of a product: a chain of fused multiply-adds over k ascending from +0, then the epilogue.
struct PlainOutput {
  std::span<const float> x, weight;
  float bias = 0;
  Epilogue epilogue = Epilogue::kBias;
  float before = 0;
};
[[nodiscard]] float plain_linear(const PlainOutput& output);

}  // namespace fllm::test
