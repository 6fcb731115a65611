// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda/kernels/model_params.h"

// Weights kept in the blocks of their file, and the rows they are multiplied with.
namespace fllm {

/// Block formats of GGML. Floats in them are binary16.
///   kQ4_0: d, 16 bytes of two values: low halves are elements 0..15, high ones 16..31; weight (q - 8) d
///   kQ4_1: d, m, 16 bytes likewise; weight q d + m
///   kQ5_0: d, 32 fifth bits, 16 bytes likewise; weight (q - 16) d
///   kQ5_1: d, m, 32 fifth bits, 16 bytes likewise; weight q d + m
///   kQ8_0: d, 32 signed bytes; weight q d
///   kQ4_K: d, dmin, 12 bytes of 8 scales s and 8 minima n of 6 bits, 128 bytes of two values; weight q d s - dmin n
///   kQ6_K: 128 bytes of two values' low bits, 64 of four values' high bits, 16 signed scales s, d; weight (q - 32) d s
enum class QuantizedType : std::uint8_t { kQ4_0, kQ4_1, kQ5_0, kQ5_1, kQ8_0, kQ4_K, kQ6_K };

/// Size of one block.
struct QuantizedBlock {
  std::int32_t elements = 0;
  std::int32_t bytes = 0;
};

/// elements is 0 for a value that is no type.
constexpr QuantizedBlock quantized_block(QuantizedType type) {
  switch (type) {
    case QuantizedType::kQ4_0:
      return {32, 18};
    case QuantizedType::kQ4_1:
      return {32, 20};
    case QuantizedType::kQ5_0:
      return {32, 22};
    case QuantizedType::kQ5_1:
      return {32, 24};
    case QuantizedType::kQ8_0:
      return {32, 34};
    case QuantizedType::kQ4_K:
      return {256, 144};
    case QuantizedType::kQ6_K:
      return {256, 210};
  }
  return {};
}

constexpr std::int32_t kRowBlockElements = 32;

/// 32 elements of a quantised row, in 15 bits each: element i is about (128 * high[i] + low[i]) * scale.
struct RowBlock {
  std::int8_t high[kRowBlockElements];  // in [-127, 127]
  std::int8_t low[kRowBlockElements];   // in [-64, 63]
  float scale;
  float scaled_sum;  // scale * sum of the elements' integers
  // -bias * sum of what shares a scale of the weight: of all, or of each half.
  std::int32_t high_start[2];
  std::int32_t low_start[2];
};
constexpr std::int32_t kMostRowInteger = 127 * 128;

struct QuantizeRowsParams {
  RowView<const float> x;    // [rows, in], in a multiple of 32
  std::int32_t bias = 0;     // what the weight's unsigned values are too large by
  std::int32_t scaled = 32;  // consecutive weights with one scale: 32 or 16
  RowView<RowBlock> out;     // [rows, in / 32]
};

constexpr std::int32_t kQuantizedPanelColumns = 16;
constexpr std::int32_t kQuantizedGroupRows = 32;  // that one thread takes together

struct QuantizedProductParams {
  RowView<const RowBlock> x;  // [rows, in / 32]
  /// [ceil(out / 16), QuantizedPanel bytes], 64-byte aligned.
  const std::byte* panels = nullptr;
  const float* bias = nullptr;  // [out] or null
  Epilogue epilogue = Epilogue::kBias;
  RowView<float> out;  // [rows, out]
};

}  // namespace fllm
