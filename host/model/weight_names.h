// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "host/model/architecture.h"

namespace fllm {

/// Names of a layer's weights; "{}" stands for its index. Empty: this format has no such tensor.
struct LayerNames {
  std::string_view attention_norm = "";
  std::string_view qkv = "";  // one tensor, or the three that follow
  std::string_view query = "", key = "", value = "";
  std::string_view attention_out = "";
  std::string_view ffn_norm = "";
  std::string_view ffn_gate = "";  // of kSwiGlu
  std::string_view ffn_in = "";    // of kSwiGlu: up
  std::string_view ffn_out = "";
};

/// Where a file format keeps each weight. The full name is prefix + name + suffix.
struct WeightNames {
  std::array<std::string_view, 2> prefixes = {};  // tried in turn; of equal ones the second is not
  std::string_view weight_suffix = "", bias_suffix = "";
  std::string_view token_embedding = "", positions = "", output_norm = "";
  LayerNames layer = {};
  bool transposed = false;  // linear layers are [in, out]
  // Full names.
  std::string_view output = "";                // without prefix
  std::string_view sinusoidal_positions = "";  // may be stored, else they are computed
  std::string_view rotary_factors = "";  // [rotary.dimensions / 2]; may be stored: frequencies are divided by them
  std::array<std::string_view, 3> unread = {};  // may be there, with a prefix and an index too: nothing the model needs
};

enum class WeightFormat : std::uint8_t { kFundamentallm, kGguf, kHuggingFace, kLlama2c };

[[nodiscard]] const WeightNames& weight_names(WeightFormat format, Architecture architecture);

}  // namespace fllm
