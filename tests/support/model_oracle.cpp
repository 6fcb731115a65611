// SPDX-License-Identifier: Apache-2.0
#include "tests/support/model_oracle.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "cuda/portable/gelu.h"
#include "cuda/portable/sigmoid.h"

namespace fllm::test {
namespace {

float joined(std::array<float, 32> strand) {
  for (const std::size_t step : {16u, 8u, 4u, 2u, 1u}) {
    const std::array<float, 32> before = strand;
    for (std::size_t s = 0; s < 32; ++s) strand[s] = before[s] + before[s ^ step];
  }
  return strand[0];
}

float plain_weight(float score, float maximum) {
  const float x = (score - maximum) * 1.44269504f;
  if (std::isnan(x)) return x;
  return x < -126 ? 0.0f : exp2_shared(x);
}

}  // namespace

float plain_strand_dot(std::span<const float> a, std::span<const float> b) {
  std::array<float, 32> strand{};
  for (std::size_t i = 0; i < a.size(); ++i) strand[i % 32] = std::fma(a[i], b[i], strand[i % 32]);
  return joined(strand);
}

float plain_strand_total(std::span<const float> values) {
  std::array<float, 32> strand{};
  for (std::size_t i = 0; i < values.size(); ++i) strand[i % 32] += values[i];
  return joined(strand);
}

std::vector<float> plain_rms_norm(std::span<const float> x, std::span<const float> weight, float epsilon) {
  const float mean = plain_strand_dot(x, x) / static_cast<float>(x.size());
  const float scale = 1.0f / std::sqrt(mean + epsilon);
  std::vector<float> out;
  for (std::size_t c = 0; c < x.size(); ++c) out.push_back(x[c] * scale * weight[c]);
  return out;
}

std::vector<float> plain_layer_norm(std::span<const float> x, std::span<const float> weight,
                                    std::span<const float> bias, float epsilon) {
  const auto width = static_cast<float>(x.size());
  const float mean = plain_strand_total(x) / width;
  std::vector<float> out;
  for (const float value : x) out.push_back(value - mean);
  const float scale = 1.0f / std::sqrt(plain_strand_dot(out, out) / width + epsilon);
  for (std::size_t c = 0; c < x.size(); ++c) out[c] = std::fma(out[c] * scale, weight[c], bias[c]);
  return out;
}

std::vector<float> plain_rope(std::span<const float> head, std::span<const float> angles, RopePairing pairing) {
  std::vector<float> out(head.begin(), head.end());
  const std::size_t pairs = angles.size() / 2;
  for (std::size_t i = 0; i < pairs; ++i) {
    const std::size_t first = pairing == RopePairing::kHalves ? i : 2 * i;
    const std::size_t second = pairing == RopePairing::kHalves ? pairs + i : 2 * i + 1;
    const float cosine = angles[2 * i], sine = angles[2 * i + 1];
    out[first] = std::fma(head[first], cosine, -(head[second] * sine));
    out[second] = std::fma(head[first], sine, head[second] * cosine);
  }
  return out;
}

std::vector<float> plain_swiglu(std::span<const float> gate_up) {
  std::vector<float> out;
  for (std::size_t c = 0; c < gate_up.size() / 2; ++c)
    out.push_back(silu(gate_up[c]) * gate_up[gate_up.size() / 2 + c]);
  return out;
}

namespace {

/// Weights, their sum and the weighted values of some positions, all relative to the largest score.
struct PlainPart {
  float maximum = -std::numeric_limits<float>::infinity(), sum = 0;
  std::vector<float> values;
};

/// Where everything is -inf, nothing has weight.
float weight_against(float score, float maximum) {
  return plain_weight(score, std::max(maximum, std::numeric_limits<float>::lowest()));
}

PlainPart plain_chunk(const PlainHead& head, std::size_t begin, std::size_t end) {
  constexpr std::size_t kTile = 128;
  PlainPart part;
  part.values.assign(head.query.size(), 0.0f);
  for (std::size_t base = begin; base < end; base += kTile) {
    const std::size_t count = std::min(kTile, end - base);
    std::vector<float> score, weight;
    float highest = part.maximum;
    for (std::size_t t = 0; t < count; ++t) {
      score.push_back(plain_strand_dot(head.query, head.keys[base + t]) * head.scale);
      if (score[t] > highest) highest = score[t];
    }
    const float rescale = weight_against(part.maximum, highest);
    part.maximum = highest;
    for (const float s : score) weight.push_back(weight_against(s, highest));
    part.sum = std::fma(part.sum, rescale, plain_strand_total(weight));
    for (std::size_t c = 0; c < part.values.size(); ++c) {
      part.values[c] = base == begin ? 0.0f : part.values[c] * rescale;
      for (std::size_t t = 0; t < count; ++t) {
        part.values[c] = std::fma(weight[t], head.values[base + t][c], part.values[c]);
      }
    }
  }
  return part;
}

}  // namespace

std::vector<float> plain_attention(const PlainHead& head) {
  const std::size_t count = head.keys.size();
  std::size_t chunk = 128;
  while (chunk * 8 < count) chunk *= 2;
  PlainPart total;
  total.values.assign(head.query.size(), 0.0f);
  for (std::size_t begin = 0; begin < count; begin += chunk) {
    const PlainPart part = plain_chunk(head, begin, std::min(begin + chunk, count));
    const float highest = std::max(total.maximum, part.maximum);
    const float before = weight_against(total.maximum, highest), own = weight_against(part.maximum, highest);
    total.maximum = highest;
    total.sum = std::fma(part.sum, own, total.sum * before);
    for (std::size_t c = 0; c < total.values.size(); ++c) {
      total.values[c] = std::fma(part.values[c], own, total.values[c] * before);
    }
  }
  for (float& value : total.values) value /= total.sum;
  return total.values;
}

std::vector<double> exact_attention(const PlainHead& head) {
  std::vector<double> score;
  for (const std::vector<float>& key : head.keys) {
    double dot = 0;
    for (std::size_t c = 0; c < key.size(); ++c) dot += double{head.query[c]} * key[c];
    score.push_back(dot * head.scale);
  }
  const double maximum = *std::max_element(score.begin(), score.end());
  double sum = 0;
  std::vector<double> out(head.query.size(), 0.0);
  for (std::size_t t = 0; t < score.size(); ++t) {
    const double weight = std::exp(score[t] - maximum);
    sum += weight;
    for (std::size_t c = 0; c < out.size(); ++c) out[c] += weight * head.values[t][c];
  }
  for (double& value : out) value /= sum;
  return out;
}

namespace {

struct HalfFormat {
  int significand_bits, least_exponent, largest_exponent;
};
HalfFormat format_of(FloatType type) {
  return type == FloatType::kFloat16 ? HalfFormat{10, -14, 15} : HalfFormat{7, -126, 127};
}

}  // namespace

std::uint16_t plain_to_half(FloatType type, float value) {
  const HalfFormat format = format_of(type);
  const int sign = std::signbit(value) ? 0x8000 : 0;
  const int infinity = (format.largest_exponent - format.least_exponent + 2) << format.significand_bits;
  if (std::isnan(value)) return static_cast<std::uint16_t>(infinity | 1 << (format.significand_bits - 1));
  const double magnitude = std::fabs(double{value});
  int exponent = magnitude > 0 && std::isfinite(value) ? std::ilogb(magnitude) : format.least_exponent;
  exponent = std::max(exponent, format.least_exponent);
  const double steps = std::nearbyint(std::ldexp(magnitude, format.significand_bits - exponent));
  const double bits = std::ldexp(exponent - format.least_exponent, format.significand_bits) + steps;
  return static_cast<std::uint16_t>(sign | (bits < infinity ? static_cast<int>(bits) : infinity));
}

float plain_from_half(FloatType type, std::uint16_t bits) {
  const HalfFormat format = format_of(type);
  const int exponent = (bits & 0x7fff) >> format.significand_bits;
  const int significand = bits & ((1 << format.significand_bits) - 1);
  float magnitude = 0;
  if (exponent > format.largest_exponent - format.least_exponent + 1) {
    magnitude = significand != 0 ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
  } else {
    const int hidden = exponent > 0 ? 1 << format.significand_bits : 0;
    magnitude = std::ldexp(static_cast<float>(hidden + significand),
                           std::max(exponent, 1) - 1 + format.least_exponent - format.significand_bits);
  }
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

float plain_linear(const PlainOutput& output) {
  float sum = 0;
  for (std::size_t k = 0; k < output.x.size(); ++k) sum = std::fma(output.x[k], output.weight[k], sum);
  const float y = sum + output.bias;
  if (output.epilogue == Epilogue::kBiasGelu) return gelu(y);
  if (output.epilogue == Epilogue::kBiasGeluTanh) return gelu_tanh(y);
  return output.epilogue == Epilogue::kBiasResidual ? output.before + y : y;
}

}  // namespace fllm::test
