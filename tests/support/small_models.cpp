// SPDX-License-Identifier: Apache-2.0
#include "tests/support/plain_model.h"

namespace fllm::test {

ModelConfig small_llama() {
  ModelConfig config;
  config.architecture = Architecture::kLlama;
  config.vocab_size = 50;
  config.d_model = 24;
  config.num_heads = 4;
  config.num_kv_heads = 2;
  config.head_dim = 8;
  config.num_layers = 2;
  config.ffn_width = 40;
  config.sequence_length = 64;
  config.norm_epsilon = 1e-5f;
  config.position_encoding = PositionEncoding::kRotary;
  config.rotary = {.base = 10000,
                   .dimensions = 8,
                   .pairing = RopePairing::kHalves,
                   .scaling = RotaryScaling::kLlama3,
                   .factor = 8,
                   .low_frequency_factor = 1,
                   .high_frequency_factor = 4,
                   .original_context = 128};
  config.ffn = FfnKind::kSwiGlu;
  config.biases = LinearBiases::kNone;
  config.output = OutputKind::kSeparate;
  return config;
}

ModelConfig small_qwen2() {
  ModelConfig config = small_llama();
  config.architecture = Architecture::kQwen2;
  config.num_heads = 3;
  config.num_kv_heads = 1;
  config.rotary.base = 1e6;
  config.rotary.scaling = RotaryScaling::kLinear;
  config.rotary.factor = 2;
  config.biases = LinearBiases::kQkv;
  config.output = OutputKind::kTied;
  return config;
}

ModelConfig small_gpt2() {
  ModelConfig config = small_llama();
  config.architecture = Architecture::kGpt2;
  config.num_heads = 3;
  config.num_kv_heads = 3;
  config.ffn_width = 96;
  config.norm = NormKind::kLayer;
  config.position_encoding = PositionEncoding::kLearned;
  config.ffn = FfnKind::kGeluTanh;
  config.biases = LinearBiases::kAll;
  config.output = OutputKind::kTied;
  return config;
}

}  // namespace fllm::test
