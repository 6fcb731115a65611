// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "host/model/checkpoint.h"
#include "host/model/model.h"

namespace fllm {

struct LinearTensors {
  const PickleTensor* weight = nullptr;  // [out, in]
  const PickleTensor* bias = nullptr;    // [out]
};

struct LayerTensors {
  const PickleTensor* attention_norm = nullptr;  // [d_model]
  LinearTensors query, key, value, attention_out;
  const PickleTensor* ffn_norm = nullptr;  // [d_model]
  LinearTensors ffn_in, ffn_out;
};

/// Where each weight is. Views of the checkpoint.
struct ModelTensors {
  const PickleTensor* token_embedding = nullptr;  // [vocab, d_model]
  const PickleTensor* positions = nullptr;        // [(1,) sequence_length, d_model]; null: sinusoidal, not stored
  std::vector<LayerTensors> layers;
  const PickleTensor* output_norm = nullptr;  // [d_model]
  const PickleTensor* output = nullptr;       // [vocab, d_model], equal to token_embedding; null: not stored
};

/// Finds every weight the config asks for by FundamentaLLM's names. Exception(kBadFormat) lists all that are missing,
/// misshapen, unreadable or not part of such a model.
[[nodiscard]] ModelTensors map_weights(const Checkpoint& checkpoint, const ModelConfig& config);

}  // namespace fllm
