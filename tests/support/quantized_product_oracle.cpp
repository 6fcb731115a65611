// SPDX-License-Identifier: Apache-2.0
#include "tests/support/quantized_product_oracle.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fllm::test {
namespace {

using Bytes = std::span<const std::byte>;

std::int32_t byte(Bytes block, std::size_t index) { return std::to_integer<std::int32_t>(block[index]); }
std::int32_t signed_byte(Bytes block, std::size_t index) { return static_cast<std::int8_t>(byte(block, index)); }

/// IEEE binary16, by its definition.
float half(Bytes block, std::size_t index) {
  const std::int32_t bits = byte(block, index) | byte(block, index + 1) << 8;
  const std::int32_t exponent = bits >> 10 & 31, fraction = bits & 1023;
  const float sign = bits >> 15 != 0 ? -1.0f : 1.0f;
  if (exponent == 31) {
    return fraction == 0 ? sign * std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  }
  return sign * (exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                               : std::ldexp(static_cast<float>(1024 + fraction), exponent - 25));
}

PlainWeight short_weight(QuantizedType type, Bytes block, std::size_t i) {
  const bool minimum = type == QuantizedType::kQ4_1 || type == QuantizedType::kQ5_1;
  const bool fifth = type == QuantizedType::kQ5_0 || type == QuantizedType::kQ5_1;
  const std::size_t high = minimum ? 4 : 2, low = high + (fifth ? 4 : 0);
  std::int32_t q = byte(block, low + i % 16) >> (i < 16 ? 0 : 4) & 15;
  if (fifth) q += (byte(block, high + i / 8) >> i % 8 & 1) * 16;
  if (!minimum) q -= fifth ? 16 : 8;
  return {q, half(block, 0), minimum ? half(block, 2) : 0.0f};
}

PlainWeight q4_k_weight(Bytes block, std::size_t i) {
  const std::size_t part = i / 32;
  std::int32_t scale = 0, minimum = 0;
  if (part < 4) {
    scale = byte(block, 4 + part) & 63;
    minimum = byte(block, 8 + part) & 63;
  } else {
    scale = (byte(block, 8 + part) & 15) | (byte(block, part) >> 6) << 4;
    minimum = byte(block, 8 + part) >> 4 | (byte(block, 4 + part) >> 6) << 4;
  }
  const std::int32_t pair = byte(block, 16 + part / 2 * 32 + i % 32);
  return {part % 2 == 0 ? pair & 15 : pair >> 4, half(block, 0) * static_cast<float>(scale),
          -(half(block, 2) * static_cast<float>(minimum))};
}

PlainWeight q6_k_weight(Bytes block, std::size_t i) {
  const std::size_t top = i / 128, in_top = i % 128;
  const std::int32_t pair = byte(block, top * 64 + in_top % 64);
  const std::int32_t low = in_top < 64 ? pair & 15 : pair >> 4;
  const std::int32_t high = byte(block, 128 + top * 32 + in_top % 32) >> (2 * (in_top / 32)) & 3;
  return {low + 16 * high - 32, half(block, 208) * static_cast<float>(signed_byte(block, 192 + i / 16)), 0};
}

PlainWeight weight_of(QuantizedType type, Bytes block, std::size_t i) {
  switch (type) {
    case QuantizedType::kQ8_0:
      return {signed_byte(block, 2 + i), half(block, 0), 0};
    case QuantizedType::kQ4_K:
      return q4_k_weight(block, i);
    case QuantizedType::kQ6_K:
      return q6_k_weight(block, i);
    default:
      return short_weight(type, block, i);
  }
}

PlainRowBlock row_block(std::span<const float> x) {
  float most = 0;
  for (const float value : x) {
    if (!std::isfinite(value)) return {std::vector<std::int32_t>(32, 0), std::numeric_limits<float>::quiet_NaN()};
    most = std::max(most, std::fabs(value));
  }
  if (most < 0x1p-100f) return {std::vector<std::int32_t>(32, 0), 0};
  PlainRowBlock block{{}, most / 16256.0f};
  const float inverse = 16256.0f / most;
  for (const float value : x) block.values.push_back(static_cast<std::int32_t>(std::nearbyint(value * inverse)));
  return block;
}

bool has_minimum(QuantizedType type) {
  return type == QuantizedType::kQ4_1 || type == QuantizedType::kQ5_1 || type == QuantizedType::kQ4_K;
}

}  // namespace

std::vector<PlainWeight> plain_weights(QuantizedType type, std::span<const std::byte> blocks) {
  const auto elements = static_cast<std::size_t>(quantized_block(type).elements);
  const auto bytes = static_cast<std::size_t>(quantized_block(type).bytes);
  std::vector<PlainWeight> weights;
  for (std::size_t start = 0; start < blocks.size(); start += bytes) {
    for (std::size_t i = 0; i < elements; ++i) weights.push_back(weight_of(type, blocks.subspan(start, bytes), i));
  }
  return weights;
}

double plain_value(const PlainWeight& weight) {
  return static_cast<double>(weight.scale) * weight.q + static_cast<double>(weight.minimum);
}

std::vector<PlainRowBlock> plain_row_blocks(std::span<const float> x) {
  std::vector<PlainRowBlock> blocks;
  for (std::size_t i = 0; i < x.size(); i += 32) blocks.push_back(row_block(x.subspan(i, 32)));
  return blocks;
}

float plain_quantized_dot(QuantizedType type, const std::vector<PlainWeight>& weights,
                          const std::vector<PlainRowBlock>& x) {
  const std::size_t scaled = type == QuantizedType::kQ6_K ? 16 : 32;
  float sum = 0;
  for (std::size_t b = 0; b < x.size(); ++b) {
    if (has_minimum(type)) {
      std::int32_t total = 0;
      for (const std::int32_t value : x[b].values) total += value;
      sum = std::fma(weights[32 * b].minimum, x[b].scale * static_cast<float>(total), sum);
    }
    for (std::size_t start = 0; start < 32; start += scaled) {
      std::int64_t products = 0;
      for (std::size_t i = start; i < start + scaled; ++i)
        products += std::int64_t{weights[32 * b + i].q} * x[b].values[i];
      sum = std::fma(static_cast<float>(products), weights[32 * b + start].scale * x[b].scale, sum);
    }
  }
  return sum;
}

PlainBound plain_quantized_bound(const std::vector<PlainWeight>& weights, std::span<const float> x,
                                 const std::vector<PlainRowBlock>& blocks) {
  constexpr double kUnit = 0x1p-24;
  PlainBound bound;
  double magnitudes = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double value = plain_value(weights[i]), element = x[i], scale = blocks[i / 32].scale;
    bound.exact += value * element;
    bound.error += std::fabs(value) * (scale / 2 + 3 * kUnit * std::fabs(element));
    const double bytes = scale * std::abs(blocks[i / 32].values[i % 32]);
    magnitudes +=
        bytes * (std::fabs(static_cast<double>(weights[i].scale) * weights[i].q) + std::fabs(weights[i].minimum));
  }
  const double steps = 3.0 * static_cast<double>(blocks.size());  // multiply-adds of a chain, at most 3 to a block
  bound.error += (steps + 3) * kUnit * magnitudes * (1 + steps * kUnit);
  return bound;
}

}  // namespace fllm::test
