// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "host/model/architecture.h"
#include "host/model/tensor_source.h"

// Small models with random weights, evaluated in binary64 as the papers have them, and written as the formats have them.
namespace fllm::test {

/// [rows][cols], row-major.
struct PlainMatrix {
  std::int64_t rows = 0, cols = 0;
  std::vector<float> values;
};

struct PlainLayer {
  PlainMatrix attention_norm, attention_norm_bias, query, key, value, attention_out, ffn_norm, ffn_norm_bias, gate, up,
      down;
  PlainMatrix query_bias, key_bias, value_bias, attention_out_bias, up_bias, down_bias;  // empty where there is none
};

/// Weights as Hugging Face's Llama has them: matrices [out, in], pairs of rotated elements in halves of a head.
struct PlainModel {
  ModelConfig config;
  PlainMatrix token_embedding, positions, output_norm, output_norm_bias, output;
  std::vector<PlainLayer> layers;
  std::vector<double> rotary_frequencies;  // of each pair
};

/// Grouped heads wider than the model, Llama 3's frequencies with all three of their ranges, an output of its own.
[[nodiscard]] ModelConfig small_llama();
/// Biases of queries, keys and values, one key head for all, a tied output, linear scaling.
[[nodiscard]] ModelConfig small_qwen2();
[[nodiscard]] ModelConfig small_gpt2();

/// Random weights for a config: reproducible, of sizes that keep activations near 1.
[[nodiscard]] PlainModel random_model(const ModelConfig& config);

/// Logits of every token of a sequence, [tokens][vocab].
[[nodiscard]] std::vector<std::vector<double>> plain_logits(const PlainModel& model,
                                                            const std::vector<std::int32_t>& tokens);

/// Tensors in memory.
class MemorySource final : public TensorSource {
 public:
  void add(const std::string& name, std::vector<std::int64_t> shape, std::vector<float> values);
  void remove(const std::string& name);

  [[nodiscard]] const std::string& source() const override { return name_; }
  [[nodiscard]] std::span<const TensorInfo> tensors() const override { return infos_; }
  [[nodiscard]] const TensorInfo* find(std::string_view name) const override;
  void read(const TensorInfo& tensor, std::span<float> out) const override;
  [[nodiscard]] std::span<const std::byte> bytes(const TensorInfo& tensor) const override;

 private:
  std::string name_ = "memory.file";
  std::vector<TensorInfo> infos_;  // offset: index of the values
  std::vector<std::vector<float>> values_;
};

/// The model under the names and in the layouts of each format.
[[nodiscard]] MemorySource as_gguf(const PlainModel& model);
[[nodiscard]] MemorySource as_huggingface(const PlainModel& model, const std::string& prefix);
[[nodiscard]] MemorySource as_llama2c(const PlainModel& model);

}  // namespace fllm::test
