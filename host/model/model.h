// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cuda/backend/backend.h"
#include "host/model/architecture.h"
#include "host/model/weight_type.h"

namespace fllm {

class TensorSource;
struct WeightNames;

struct NormLayer {
  DeviceArray<float> weight;  // [d_model]
  DeviceArray<float> bias;    // [d_model], empty for kRms
};

struct LinearLayer {
  /// Their outputs follow each other. One, unless a file stores fused matrices in quantised blocks of several types.
  std::vector<std::unique_ptr<LinearWeight>> weights;
  DeviceArray<float> bias;  // [out] or empty
};

struct ModelLayer {
  NormLayer attention_norm;
  LinearLayer qkv;            // [qkv_width, d_model]: query heads, key heads, value heads
  LinearLayer attention_out;  // [d_model, query_width]
  NormLayer ffn_norm;
  LinearLayer ffn_in;   // [ffn_in_width, d_model]: of kSwiGlu the gate, then up
  LinearLayer ffn_out;  // [d_model, ffn_width]
};

/// Weights on a backend, read-only after loading. The backend must outlive it.
struct Model {
  ModelConfig config;
  std::string path;                    // the file it came from
  std::int64_t parameter_count = 0;    // distinct: a tied output counts once
  std::int64_t weight_bytes = 0;       // as the backend keeps them, a tied output twice
  bool quantised = false;              // some weights of products stay in the file's blocks
  DeviceArray<float> token_embedding;  // [vocab, d_model]
  DeviceArray<float> position_table;   // [sequence_length, d_model]; empty for kRotary
  DeviceArray<float> rotary_angles;    // [sequence_length, rotary.dimensions]: cosine, sine by turns; kRotary alone
  std::vector<ModelLayer> layers;
  NormLayer output_norm;
  std::unique_ptr<LinearWeight> output;  // [vocab, d_model]
};

/// Reads a FundamentaLLM checkpoint, a .pt or .pth file; host/model/open_model.h opens models of every format.
/// Errors: Exception naming file, entry, value and what is allowed; missing tensors are reported all at once.
[[nodiscard]] Model load_model(const std::string& path, Backend& backend, Dtype dtype = Dtype::kAuto);

/// Reads the weights a checked config asks for from a file, by the names of its format (host/model/weight_names.h).
/// Errors: Exception(kBadFormat) with all that is missing, misshapen or unknown; kUnsupported.
[[nodiscard]] Model load_model(const TensorSource& source, const ModelConfig& config, const WeightNames& names,
                               Backend& backend, Dtype dtype = Dtype::kAuto);

}  // namespace fllm
