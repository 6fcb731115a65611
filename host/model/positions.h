// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "host/model/architecture.h"

// Tables of what depends on a position alone, computed in binary64 and rounded once, so that every backend has the same.
// Exception(kUnsupported) names the source when a table would be larger than 1 GiB.
namespace fllm {

/// [sequence_length, d_model]: sin(position / 10000^(2 i / d_model)) in column 2 i, the cosine in 2 i + 1 (Vaswani et al.
/// 2017, 3.5).
[[nodiscard]] std::vector<float> sinusoidal_positions(const ModelConfig& config, const std::string& source);

/// Radians per position of each pair, [rotary.dimensions / 2]. factors: of each pair, or none.
[[nodiscard]] std::vector<double> rotary_frequencies(const RotaryConfig& rotary, std::span<const float> factors);

/// [sequence_length, rotary.dimensions]: cosine and sine of each pair's angle by turns.
[[nodiscard]] std::vector<float> rotary_angles(const ModelConfig& config, std::span<const float> factors,
                                               const std::string& source);

}  // namespace fllm
