// SPDX-License-Identifier: Apache-2.0
#include "host/model/llama2c_config.h"

namespace fllm {

ModelConfig config_from_llama2c(const Llama2cHeader& header) {
  ModelConfig config;
  config.architecture = Architecture::kLlama;
  config.d_model = header.dim;
  config.ffn_width = header.hidden_dim;
  config.num_layers = header.n_layers;
  config.num_heads = header.n_heads;
  config.num_kv_heads = header.n_kv_heads;
  config.head_dim = header.head_size();
  config.vocab_size = header.vocab_size;
  config.sequence_length = header.seq_len;
  config.norm = NormKind::kRms;
  config.norm_epsilon = 1e-5f;
  config.position_encoding = PositionEncoding::kRotary;
  config.rotary = {.base = 10000, .dimensions = config.head_dim, .pairing = RopePairing::kInterleaved};
  config.ffn = FfnKind::kSwiGlu;
  config.biases = LinearBiases::kNone;
  config.output = header.shared_classifier ? OutputKind::kTied : OutputKind::kSeparate;
  return config;
}

}  // namespace fllm
