// SPDX-License-Identifier: Apache-2.0
#include "tests/support/quantized_product_oracle.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fllm::test {
namespace {

TensorType tensor_type(QuantizedType type) {
  switch (type) {
    case QuantizedType::kQ4_0:
      return TensorType::kQ4_0;
    case QuantizedType::kQ4_1:
      return TensorType::kQ4_1;
    case QuantizedType::kQ5_0:
      return TensorType::kQ5_0;
    case QuantizedType::kQ5_1:
      return TensorType::kQ5_1;
    case QuantizedType::kQ8_0:
      return TensorType::kQ8_0;
    case QuantizedType::kQ4_K:
      return TensorType::kQ4_K;
    case QuantizedType::kQ6_K:
      return TensorType::kQ6_K;
  }
  return TensorType::kF32;
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

}  // namespace

std::vector<PlainWeight> plain_weights(QuantizedType type, std::span<const std::byte> blocks) {
  const auto elements = quantized_block(type).elements;
  const auto bytes = static_cast<std::size_t>(quantized_block(type).bytes);
  std::vector<PlainWeight> weights;
  for (std::size_t start = 0; start < blocks.size(); start += bytes) {
    for (int i = 0; i < elements; ++i) {
      weights.push_back(plain_weight(tensor_type(type), blocks.subspan(start, bytes), i));
    }
  }
  return weights;
}

double plain_value(const PlainWeight& weight) {
  return static_cast<double>(weight.scale) * weight.q + static_cast<double>(weight.minimum.value_or(0));
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
    if (weights[32 * b].minimum) {
      std::int32_t total = 0;
      for (const std::int32_t value : x[b].values) total += value;
      sum = std::fma(*weights[32 * b].minimum, x[b].scale * static_cast<float>(total), sum);
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
    magnitudes += bytes * (std::fabs(static_cast<double>(weights[i].scale) * weights[i].q) +
                           std::fabs(weights[i].minimum.value_or(0)));
  }
  const double steps = 3.0 * static_cast<double>(blocks.size());  // multiply-adds of a chain, at most 3 to a block
  bound.error += (steps + 3) * kUnit * magnitudes * (1 + steps * kUnit);
  return bound;
}

}  // namespace fllm::test
