// SPDX-License-Identifier: Apache-2.0
#include "host/model/gguf_config.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <string>

#include "host/model/config_fields.h"

namespace fllm {
namespace {

constexpr const char* kHeads = "attention.head_count";
constexpr const char* kKvHeads = "attention.head_count_kv";

std::optional<Architecture> architecture_of(const std::string& name) {
  for (const Architecture known : {Architecture::kLlama, Architecture::kQwen2, Architecture::kGpt2}) {
    if (name == architecture_name(known)) return known;
  }
  return std::nullopt;
}

void refuse_other_models(ConfigFields& fields, std::int32_t context) {
  fields.require_absent("expert_count", "a mixture of experts");
  fields.require_absent("attn_logit_softcapping", "capping of attention scores");
  fields.require_absent("final_logit_softcapping", "capping of logits");
  fields.require_absent("attention.scale", "another scale of attention scores");
  for (const char* scale : {"logit_scale", "embedding_scale", "residual_scale"}) {
    fields.require_absent(scale, "a scale of its own");
  }
  if (fields.integer("attention.sliding_window", 0, kMostTokens, kMostTokens) < context &&
      fields.integer("attention.sliding_window", 0, kMostTokens, 0) > 0) {
    fields.refuse("attention.sliding_window",
                  fmt::format("a sliding window shorter than the context, {}, is not supported", context));
  }
}

/// The frequencies of Llama 3 come as the tensor rope_freqs.weight, not as keys.
RotaryConfig rotary_of(ConfigFields& fields, Architecture architecture, std::int32_t head_dim) {
  RotaryConfig rotary;
  rotary.base = fields.real("rope.freq_base", 1, 1e12, 10000);
  rotary.dimensions = fields.integer("rope.dimension_count", 2, kMostWidth, head_dim);
  // Converters reorder the rows of a Llama model's queries and keys so that pairs lie side by side.
  rotary.pairing = architecture == Architecture::kLlama ? RopePairing::kInterleaved : RopePairing::kHalves;
  const std::string scaling = fields.text("rope.scaling.type", fields.has("rope.scale_linear") ? "linear" : "none");
  if (scaling == "linear") {
    rotary.scaling = RotaryScaling::kLinear;
    const char* key = fields.has("rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear";
    rotary.factor = fields.real(key, 1, 1e6, 1);
  } else if (scaling != "none") {
    fields.refuse("rope.scaling.type", "is not supported, only none and linear");
  }
  return rotary;
}

}  // namespace

ModelConfig config_from_gguf(const MetadataView& metadata) {
  ConfigFields general(metadata);
  const std::string name = general.text("general.architecture", "");
  const std::optional<Architecture> architecture = architecture_of(name);
  if (!architecture) {
    const bool there = general.has("general.architecture");
    general.refuse("general.architecture", there ? "is not supported, only llama, qwen2 and gpt2" : "is missing",
                   there);
    general.finish();
  }

  ModelConfig config;
  config.architecture = architecture.value_or(Architecture::kLlama);
  ConfigFields fields(metadata, name + ".");
  const bool gpt2 = config.architecture == Architecture::kGpt2;
  config.sequence_length = fields.integer("context_length", 1, kMostTokens);
  config.d_model = fields.integer("embedding_length", 1, kMostWidth);
  config.num_layers = fields.integer("block_count", 1, kMostLayers);
  config.ffn_width = fields.integer("feed_forward_length", 1, kMostFfnWidth);
  config.num_heads = fields.integer(kHeads, 1, kMostWidth);
  config.num_kv_heads = fields.integer(kKvHeads, 1, kMostWidth, config.num_heads);
  if (!fields.has("attention.key_length") && config.d_model % config.num_heads != 0) {
    fields.refuse(kHeads, fmt::format("must divide embedding_length, {}", config.d_model), false);
  }
  const std::int32_t equal_parts = std::max(config.d_model / config.num_heads, 1);
  config.head_dim = fields.integer("attention.key_length", 1, kMostWidth, equal_parts);
  if (fields.integer("attention.value_length", 1, kMostWidth, config.head_dim) != config.head_dim) {
    fields.refuse("attention.value_length",
                  fmt::format("other than the length of keys, {}, is not supported", config.head_dim));
  }
  const auto token_count = static_cast<std::int32_t>(
      std::min<std::uint64_t>(general.array_size("tokenizer.ggml.tokens"), std::uint64_t{kMostTokens} + 1));
  config.vocab_size =
      fields.integer("vocab_size", 1, kMostTokens, token_count > 0 ? std::optional(token_count) : std::nullopt);
  if (config.vocab_size > kMostTokens) {
    general.refuse("tokenizer.ggml.tokens", fmt::format("must be at most {}", kMostTokens), false);
  }
  config.output = OutputKind::kAsStored;

  if (gpt2) {
    config.norm = NormKind::kLayer;
    config.norm_epsilon = static_cast<float>(fields.real("attention.layer_norm_epsilon", 1e-12, 1));
    config.position_encoding = PositionEncoding::kLearned;
    config.ffn = FfnKind::kGeluTanh;
    config.biases = LinearBiases::kAll;
  } else {
    config.norm = NormKind::kRms;
    config.norm_epsilon = static_cast<float>(fields.real("attention.layer_norm_rms_epsilon", 1e-12, 1));
    config.position_encoding = PositionEncoding::kRotary;
    config.rotary = rotary_of(fields, config.architecture, config.head_dim);
    config.ffn = FfnKind::kSwiGlu;
    config.biases = config.architecture == Architecture::kQwen2 ? LinearBiases::kQkv : LinearBiases::kNone;
  }
  check_heads(fields, config, kHeads, kKvHeads);
  refuse_other_models(fields, config.sequence_length);
  general.finish();
  fields.finish();
  return config;
}

}  // namespace fllm
