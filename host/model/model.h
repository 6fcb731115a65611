// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cuda/backend/backend.h"

namespace fllm {

enum class PositionEncoding : std::uint8_t { kLearned, kSinusoidal };

/// Shape of a FundamentaLLM model; every field is checked when it is read.
struct ModelConfig {
  std::int32_t vocab_size = 0;  // > 0
  std::int32_t d_model = 128;
  std::int32_t num_heads = 2;   // divides d_model
  std::int32_t num_layers = 6;  // [1, 48]
  std::int32_t sequence_length = 256;
  std::int32_t ffn_expansion = 4;
  PositionEncoding position_encoding = PositionEncoding::kLearned;

  [[nodiscard]] std::int32_t head_dim() const { return d_model / num_heads; }
  [[nodiscard]] std::int32_t ffn_width() const { return d_model * ffn_expansion; }
};

struct LinearLayer {
  std::unique_ptr<LinearWeight> weight;
  DeviceArray<float> bias;  // [out]
};

struct ModelLayer {
  DeviceArray<float> attention_norm;  // [d_model]
  LinearLayer qkv;                    // [3 d_model, d_model]: query, key, value
  LinearLayer attention_out;          // [d_model, d_model]
  DeviceArray<float> ffn_norm;        // [d_model]
  LinearLayer ffn_in;                 // [ffn_width, d_model]
  LinearLayer ffn_out;                // [d_model, ffn_width]
};

/// Weights on a backend, read-only after loading. The backend must outlive it.
struct Model {
  ModelConfig config;
  std::string path;                    // the checkpoint it came from
  std::int64_t parameter_count = 0;    // distinct: the tied output counts once
  DeviceArray<float> token_embedding;  // [vocab, d_model]
  DeviceArray<float> position_table;   // [sequence_length, d_model]
  std::vector<ModelLayer> layers;
  DeviceArray<float> output_norm;        // [d_model]
  std::unique_ptr<LinearWeight> output;  // [vocab, d_model]
};

/// Reads a checkpoint: a .pt or .pth file, or a folder that holds model.pt (else final_model.pt, else best.pt).
/// Errors: Exception naming file, entry, value and what is allowed; missing tensors are reported all at once.
[[nodiscard]] Model load_model(const std::string& path, Backend& backend);

/// The tokenizer beside a checkpoint (its folder's tokenizer.json).
[[nodiscard]] std::string tokenizer_path(const std::string& checkpoint_path);

}  // namespace fllm
