// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>

#include "host/model/tensor_source.h"

/// GGML's block formats restated element by element, as fields of bits in a block.
namespace fllm::test {

class BlockBits {
 public:
  explicit BlockBits(std::span<const std::byte> block) : block_(block) {}

  /// Bits [first, first + width) of the block, the low bits of a byte first.
  [[nodiscard]] int field(int first, int width) const {
    int value = 0;
    for (int bit = 0; bit < width; ++bit) {
      const auto byte = static_cast<unsigned>(block_[static_cast<std::size_t>((first + bit) / 8)]);
      value += static_cast<int>(byte >> ((first + bit) % 8) & 1) << bit;
    }
    return value;
  }
  [[nodiscard]] int signed_byte(int at) const {
    const int value = field(8 * at, 8);
    return value < 128 ? value : value - 256;
  }
  /// IEEE binary16 at a byte.
  [[nodiscard]] float half(int at) const {
    const int mantissa = field(8 * at, 10), exponent = field(8 * at + 10, 5);
    double value = std::ldexp(mantissa, -24);
    if (exponent > 0) value = std::ldexp(1024 + mantissa, exponent - 25);
    if (exponent == 31) value = mantissa == 0 ? std::numeric_limits<double>::infinity() : std::nan("");
    return static_cast<float>(field(8 * at + 15, 1) == 0 ? value : -value);
  }
  template <class T>
  [[nodiscard]] T number() const {
    T value;
    std::memcpy(&value, block_.data(), sizeof(T));
    return value;
  }

 private:
  std::span<const std::byte> block_;
};

/// weight = scale * q + minimum; the product is exact in binary32.
struct PlainWeight {
  std::int32_t q = 0;
  float scale = 0;
  std::optional<float> minimum = {};  // of the types that have one
};

inline PlainWeight q4_k_weight(const BlockBits& b, int i) {
  const int sub = i / 32, upper = sub - 4;
  const int scale =
      sub < 4 ? b.field(8 * (4 + sub), 6) : b.field(8 * (12 + upper), 4) + 16 * b.field(8 * (4 + upper) + 6, 2);
  const int least =
      sub < 4 ? b.field(8 * (8 + sub), 6) : b.field(8 * (12 + upper) + 4, 4) + 16 * b.field(8 * (8 + upper) + 6, 2);
  const int value = b.field(8 * (16 + sub / 2 * 32 + i % 32) + sub % 2 * 4, 4);
  return {value, b.half(0) * static_cast<float>(scale), -(b.half(2) * static_cast<float>(least))};
}

inline PlainWeight q6_k_weight(const BlockBits& b, int i) {
  const int half = i / 128, quarter = i % 128 / 32, lane = i % 32;
  const int low = b.field(8 * (64 * half + 32 * (quarter % 2) + lane) + 4 * (quarter / 2), 4);
  const int high = b.field(8 * (128 + 32 * half + lane) + 2 * quarter, 2);
  return {low + 16 * high - 32, b.half(208) * static_cast<float>(b.signed_byte(192 + i / 16))};
}

/// Element i of a block of a quantised type.
inline PlainWeight plain_weight(TensorType type, std::span<const std::byte> block, int i) {
  const BlockBits b(block);
  // 32 nibbles from a byte on: the low ones of 16 bytes, then the high ones.
  const auto nibble = [&](int at) { return b.field(8 * (at + i % 16) + i / 16 * 4, 4); };
  switch (type) {
    case TensorType::kQ4_0:
      return {nibble(2) - 8, b.half(0)};
    case TensorType::kQ4_1:
      return {nibble(4), b.half(0), b.half(2)};
    case TensorType::kQ5_0:
      return {nibble(6) + 16 * b.field(16 + i, 1) - 16, b.half(0)};
    case TensorType::kQ5_1:
      return {nibble(8) + 16 * b.field(32 + i, 1), b.half(0), b.half(2)};
    case TensorType::kQ8_0:
      return {b.signed_byte(2 + i), b.half(0)};
    case TensorType::kQ4_K:
      return q4_k_weight(b, i);
    case TensorType::kQ6_K:
      return q6_k_weight(b, i);
    default:
      return {};
  }
}

/// Element i of a block of any type, in binary32.
inline float block_element(TensorType type, std::span<const std::byte> block, int i) {
  const BlockBits b(block);
  switch (type) {
    case TensorType::kF64:
      return static_cast<float>(b.number<double>());
    case TensorType::kF32:
      return b.number<float>();
    case TensorType::kF16:
      return b.half(0);
    case TensorType::kBF16:
      return std::bit_cast<float>(static_cast<std::uint32_t>(b.number<std::uint16_t>()) << 16);
    default:
      break;
  }
  const PlainWeight weight = plain_weight(type, block, i);
  const float product = static_cast<float>(weight.q) * weight.scale;
  return weight.minimum ? product + *weight.minimum : product;
}

}  // namespace fllm::test
