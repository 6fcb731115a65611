// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "host/model/architecture.h"
#include "host/model/tensor_source.h"
#include "host/model/weight_names.h"

namespace fllm {

struct NormTensors {
  const TensorInfo* weight = nullptr;  // [d_model]
  const TensorInfo* bias = nullptr;    // [d_model]; null for kRms
};

/// A linear layer, in parts whose outputs follow each other.
struct LinearTensors {
  std::int32_t out = 0;  // of all parts
  std::int32_t in = 0;
  std::vector<const TensorInfo*> weights;  // [part, in], or [in, part] where the format has them transposed
  std::vector<const TensorInfo*> biases;   // [part]; none: there is no bias
};

struct LayerTensors {
  NormTensors attention_norm;
  LinearTensors qkv, attention_out;
  NormTensors ffn_norm;
  LinearTensors ffn_in, ffn_out;
};

/// Where each weight is. Views of the source.
struct ModelTensors {
  const TensorInfo* token_embedding = nullptr;  // [vocab, d_model]
  const TensorInfo* positions = nullptr;  // [(1,) sequence_length, d_model]; null: rotary, or sinusoidal and not stored
  const TensorInfo* rotary_factors = nullptr;  // [rotary.dimensions / 2]; null: none
  std::vector<LayerTensors> layers;
  NormTensors output_norm;
  const TensorInfo* output = nullptr;  // [vocab, d_model]; null: not stored
};

/// Finds every weight the config asks for. Exception(kBadFormat) lists all that are missing (with every name tried),
/// misshapen, unreadable or not part of such a model.
[[nodiscard]] ModelTensors map_weights(const TensorSource& source, const ModelConfig& config, const WeightNames& names);

}  // namespace fllm
