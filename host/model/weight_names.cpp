// SPDX-License-Identifier: Apache-2.0
#include "host/model/weight_names.h"

namespace fllm {
namespace {

constexpr WeightNames kFundamentallmNames = {.prefixes = {"", ""},
                                             .weight_suffix = ".weight",
                                             .bias_suffix = ".bias",
                                             .token_embedding = "token_embedding",
                                             .positions = "positional_encoding.embeddings",
                                             .output_norm = "output_norm",
                                             .layer = {.attention_norm = "blocks.{}.norm1",
                                                       .query = "blocks.{}.attention.W_q",
                                                       .key = "blocks.{}.attention.W_k",
                                                       .value = "blocks.{}.attention.W_v",
                                                       .attention_out = "blocks.{}.attention.W_o",
                                                       .ffn_norm = "blocks.{}.norm2",
                                                       .ffn_in = "blocks.{}.ffn.linear1",
                                                       .ffn_out = "blocks.{}.ffn.linear2"},
                                             .output = "output_proj.weight",
                                             .sinusoidal_positions = "positional_encoding.pe"};

/// GGUF: docs/gguf.md of ggml, "Standardized tensor names".
constexpr WeightNames kGgufNames = {
    .prefixes = {"", ""},
    .weight_suffix = ".weight",
    .bias_suffix = ".bias",
    .token_embedding = "token_embd",
    .output_norm = "output_norm",
    .layer = {.attention_norm = "blk.{}.attn_norm",
              .query = "blk.{}.attn_q",
              .key = "blk.{}.attn_k",
              .value = "blk.{}.attn_v",
              .attention_out = "blk.{}.attn_output",
              .ffn_norm = "blk.{}.ffn_norm",
              .ffn_gate = "blk.{}.ffn_gate",
              .ffn_in = "blk.{}.ffn_up",
              .ffn_out = "blk.{}.ffn_down"},
    .output = "output.weight",
    .rotary_factors = "rope_freqs.weight",
    .unread = {"blk.{}.attn_rot_embd"}};  // the frequencies, which follow from the metadata

constexpr WeightNames kGgufGpt2Names = {.prefixes = {"", ""},
                                        .weight_suffix = ".weight",
                                        .bias_suffix = ".bias",
                                        .token_embedding = "token_embd",
                                        .positions = "position_embd",
                                        .output_norm = "output_norm",
                                        .layer = {.attention_norm = "blk.{}.attn_norm",
                                                  .qkv = "blk.{}.attn_qkv",
                                                  .attention_out = "blk.{}.attn_output",
                                                  .ffn_norm = "blk.{}.ffn_norm",
                                                  .ffn_in = "blk.{}.ffn_up",
                                                  .ffn_out = "blk.{}.ffn_down"},
                                        .output = "output.weight"};

/// LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM of transformers; without "model." their bodies saved alone.
constexpr WeightNames kHuggingFaceNames = {
    .prefixes = {"model.", ""},
    .weight_suffix = ".weight",
    .bias_suffix = ".bias",
    .token_embedding = "embed_tokens",
    .output_norm = "norm",
    .layer = {.attention_norm = "layers.{}.input_layernorm",
              .query = "layers.{}.self_attn.q_proj",
              .key = "layers.{}.self_attn.k_proj",
              .value = "layers.{}.self_attn.v_proj",
              .attention_out = "layers.{}.self_attn.o_proj",
              .ffn_norm = "layers.{}.post_attention_layernorm",
              .ffn_gate = "layers.{}.mlp.gate_proj",
              .ffn_in = "layers.{}.mlp.up_proj",
              .ffn_out = "layers.{}.mlp.down_proj"},
    .output = "lm_head.weight",
    .unread = {"layers.{}.self_attn.rotary_emb.inv_freq"}};  // a buffer that older versions stored

/// GPT2LMHeadModel; without "transformer." as OpenAI's own weights are published. Its Conv1D layers are [in, out].
constexpr WeightNames kHuggingFaceGpt2Names = {
    .prefixes = {"transformer.", ""},
    .weight_suffix = ".weight",
    .bias_suffix = ".bias",
    .token_embedding = "wte",
    .positions = "wpe",
    .output_norm = "ln_f",
    .layer = {.attention_norm = "h.{}.ln_1",
              .qkv = "h.{}.attn.c_attn",
              .attention_out = "h.{}.attn.c_proj",
              .ffn_norm = "h.{}.ln_2",
              .ffn_in = "h.{}.mlp.c_fc",
              .ffn_out = "h.{}.mlp.c_proj"},
    .transposed = true,
    .output = "lm_head.weight",
    .unread = {"h.{}.attn.bias", "h.{}.attn.masked_bias"}};  // the causal mask

/// llama2.c: the fields of TransformerWeights, one tensor a layer.
constexpr WeightNames kLlama2cNames = {
    .prefixes = {"", ""},
    .token_embedding = "token_embedding_table",
    .output_norm = "rms_final_weight",
    .layer = {.attention_norm = "rms_att_weight.{}",
              .query = "wq.{}",
              .key = "wk.{}",
              .value = "wv.{}",
              .attention_out = "wo.{}",
              .ffn_norm = "rms_ffn_weight.{}",
              .ffn_gate = "w1.{}",
              .ffn_in = "w3.{}",
              .ffn_out = "w2.{}"},
    .output = "wcls",
    .unread = {"freq_cis_real", "freq_cis_imag"}};  // the angles, which follow from the header

}  // namespace

const WeightNames& weight_names(WeightFormat format, Architecture architecture) {
  const bool gpt2 = architecture == Architecture::kGpt2;
  switch (format) {
    case WeightFormat::kGguf:
      return gpt2 ? kGgufGpt2Names : kGgufNames;
    case WeightFormat::kHuggingFace:
      return gpt2 ? kHuggingFaceGpt2Names : kHuggingFaceNames;
    case WeightFormat::kLlama2c:
      return kLlama2cNames;
    case WeightFormat::kFundamentallm:
      break;
  }
  return kFundamentallmNames;
}

}  // namespace fllm
