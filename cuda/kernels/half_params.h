// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

// Rows and weights of 16 bits.
namespace fllm {

/// How a weight is stored, and with it the rows that it is multiplied with.
enum class FloatType : std::uint8_t { kFloat32, kFloat16, kBFloat16 };

/// Rows of 16-bit numbers, for products with weights of the same type. A kernel that is given some writes its result here,
/// rounded once to the nearest (ties to even), and not to `out`, whose size it still is.
struct HalfRows {
  std::uint16_t* data = nullptr;
  std::int64_t stride = 0;  // elements
  FloatType type = FloatType::kFloat16;
};

}  // namespace fllm
