// SPDX-License-Identifier: Apache-2.0
#include "host/model/positions.h"

#include <fmt/core.h>

#include <cmath>
#include <numbers>

#include "fundamentallm/result.h"

namespace fllm {
namespace {

constexpr std::int64_t kMaxTableElements = std::int64_t{1} << 28;

std::vector<float> position_table(std::int32_t rows, std::int32_t cols, const std::string& source) {
  const std::int64_t count = std::int64_t{rows} * cols;
  if (count > kMaxTableElements) {
    throw Exception(ErrorCode::kUnsupported,
                    fmt::format("{}: a table of {} positions x {} is too large to compute; allowed: {} elements",
                                source, rows, cols, kMaxTableElements));
  }
  return std::vector<float>(static_cast<std::size_t>(count));
}

/// "Llama 3.1": waves that fit the original context many times keep their frequency, those that do not are stretched by
/// the factor, and between the two the frequency is interpolated (Meta's llama-models, apply_scaling).
double llama3_frequency(double frequency, const RotaryConfig& rotary) {
  const double waves = rotary.original_context * frequency / (2 * std::numbers::pi);  // in the original context
  if (waves > rotary.high_frequency_factor) return frequency;
  if (waves < rotary.low_frequency_factor) return frequency / rotary.factor;
  const double kept =
      (waves - rotary.low_frequency_factor) / (rotary.high_frequency_factor - rotary.low_frequency_factor);
  return (1 - kept) * frequency / rotary.factor + kept * frequency;
}

double scaled_frequency(double frequency, const RotaryConfig& rotary) {
  switch (rotary.scaling) {
    case RotaryScaling::kNone:
      break;
    case RotaryScaling::kLinear:
      return frequency / rotary.factor;
    case RotaryScaling::kLlama3:
      return llama3_frequency(frequency, rotary);
  }
  return frequency;
}

}  // namespace

std::vector<float> sinusoidal_positions(const ModelConfig& config, const std::string& source) {
  std::vector<float> table = position_table(config.sequence_length, config.d_model, source);
  for (std::size_t i = 0; i < table.size(); ++i) {
    const auto position = static_cast<std::int64_t>(i) / config.d_model;
    const auto column = static_cast<std::int64_t>(i) % config.d_model;
    const double exponent = static_cast<double>(column - column % 2) / config.d_model;
    const double angle = static_cast<double>(position) * std::pow(10000.0, -exponent);
    table[i] = static_cast<float>(column % 2 == 0 ? std::sin(angle) : std::cos(angle));
  }
  return table;
}

std::vector<double> rotary_frequencies(const RotaryConfig& rotary, std::span<const float> factors) {
  std::vector<double> frequencies;
  for (std::int32_t i = 0; i < rotary.dimensions / 2; ++i) {
    const double frequency = scaled_frequency(std::pow(rotary.base, -2.0 * i / rotary.dimensions), rotary);
    frequencies.push_back(factors.empty() ? frequency : frequency / double{factors[static_cast<std::size_t>(i)]});
  }
  return frequencies;
}

std::vector<float> rotary_angles(const ModelConfig& config, std::span<const float> factors, const std::string& source) {
  std::vector<float> table = position_table(config.sequence_length, config.rotary.dimensions, source);
  const std::vector<double> frequencies = rotary_frequencies(config.rotary, factors);
  float* next = table.data();
  for (std::int32_t position = 0; position < config.sequence_length; ++position) {
    for (const double frequency : frequencies) {
      *next++ = static_cast<float>(std::cos(position * frequency));
      *next++ = static_cast<float>(std::sin(position * frequency));
    }
  }
  return table;
}

}  // namespace fllm
