// SPDX-License-Identifier: Apache-2.0
// Configs of GGUF metadata, config.json and llama2.c headers.
#include <gtest/gtest.h>

#include <map>

#include "host/model/gguf_config.h"
#include "host/model/huggingface_config.h"
#include "host/model/llama2c_config.h"
#include "host/model/metadata.h"
#include "tests/support/expect_error.h"

namespace fllm {
namespace {

using Fields = std::map<std::string, MetadataValue, std::less<>>;

class MapMetadata final : public MetadataView {
 public:
  explicit MapMetadata(Fields fields) : fields_(std::move(fields)) {}
  [[nodiscard]] const std::string& source() const override { return name_; }
  [[nodiscard]] std::optional<MetadataValue> find(std::string_view key) const override {
    const auto found = fields_.find(key);
    return found == fields_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  std::string name_ = "m.gguf";
  Fields fields_;
};

std::int64_t operator""_i(unsigned long long value) { return static_cast<std::int64_t>(value); }

/// SmolLM2-135M's keys.
Fields llama_fields() {
  return {{"general.architecture", "llama"},
          {"llama.vocab_size", 49152_i},
          {"llama.context_length", 8192_i},
          {"llama.embedding_length", 576_i},
          {"llama.block_count", 30_i},
          {"llama.feed_forward_length", 1536_i},
          {"llama.attention.head_count", 9_i},
          {"llama.attention.head_count_kv", 3_i},
          {"llama.rope.freq_base", 100000.0},
          {"llama.rope.dimension_count", 64_i},
          {"llama.attention.layer_norm_rms_epsilon", double{1e-5f}}};
}

/// Fields with some changed.
Fields changed(Fields fields, const Fields& changes) {
  for (const auto& [key, value] : changes) fields.insert_or_assign(key, value);
  return fields;
}
Fields without(Fields fields, const std::string& key) {
  fields.erase(key);
  return fields;
}

void expect_bad_gguf(const Fields& fields, std::vector<std::string> parts, ErrorCode code = ErrorCode::kBadFormat) {
  parts.emplace_back("m.gguf: model config: ");
  test::expect_error(code, parts, [&] { (void)config_from_gguf(MapMetadata(fields)); });
}

TEST(GgufConfig, Llama) {
  const ModelConfig config = config_from_gguf(MapMetadata(llama_fields()));
  EXPECT_EQ(config.architecture, Architecture::kLlama);
  EXPECT_EQ(config.vocab_size, 49152);
  EXPECT_EQ(config.sequence_length, 8192);
  EXPECT_EQ(config.d_model, 576);
  EXPECT_EQ(config.num_layers, 30);
  EXPECT_EQ(config.ffn_width, 1536);
  EXPECT_EQ(config.ffn_in_width(), 3072);
  EXPECT_EQ(config.num_heads, 9);
  EXPECT_EQ(config.num_kv_heads, 3);
  EXPECT_EQ(config.head_dim, 64);
  EXPECT_EQ(config.qkv_width(), 576 + 192 + 192);
  EXPECT_EQ(config.norm, NormKind::kRms);
  EXPECT_EQ(config.norm_epsilon, 1e-5f);
  EXPECT_EQ(config.position_encoding, PositionEncoding::kRotary);
  EXPECT_EQ(config.rotary.base, 100000);
  EXPECT_EQ(config.rotary.dimensions, 64);
  EXPECT_EQ(config.rotary.pairing, RopePairing::kInterleaved);
  EXPECT_EQ(config.rotary.scaling, RotaryScaling::kNone);
  EXPECT_EQ(config.ffn, FfnKind::kSwiGlu);
  EXPECT_EQ(config.biases, LinearBiases::kNone);
  EXPECT_EQ(config.output, OutputKind::kAsStored);
}

TEST(GgufConfig, DefaultsAndOtherKeys) {
  Fields fields = without(without(llama_fields(), "llama.attention.head_count_kv"), "llama.rope.freq_base");
  fields = without(without(fields, "llama.vocab_size"), "llama.rope.dimension_count");
  fields = changed(fields, {{"tokenizer.ggml.tokens", MetadataArray{777}},
                            {"llama.attention.key_length", 32_i},
                            {"llama.rope.scaling.type", "linear"},
                            {"llama.rope.scaling.factor", 4.0},
                            {"llama.expert_count", 0_i},
                            {"llama.attention.sliding_window", 8192_i}});
  const ModelConfig config = config_from_gguf(MapMetadata(fields));
  EXPECT_EQ(config.num_kv_heads, 9);
  EXPECT_EQ(config.vocab_size, 777);
  EXPECT_EQ(config.head_dim, 32);
  EXPECT_EQ(config.rotary.base, 10000);
  EXPECT_EQ(config.rotary.dimensions, 32);
  EXPECT_EQ(config.rotary.scaling, RotaryScaling::kLinear);
  EXPECT_EQ(config.rotary.factor, 4);
}

TEST(GgufConfig, Qwen2AndGpt2) {
  Fields qwen2, gpt2;
  for (const auto& [key, value] : llama_fields()) {
    const std::string rest = key.substr(key.find('.') + 1);
    qwen2.emplace((key.starts_with("llama.") ? "qwen2." : "general.") + rest, value);
    gpt2.emplace((key.starts_with("llama.") ? "gpt2." : "general.") + rest, value);
  }
  const ModelConfig q = config_from_gguf(MapMetadata(changed(qwen2, {{"general.architecture", "qwen2"}})));
  EXPECT_EQ(q.architecture, Architecture::kQwen2);
  EXPECT_EQ(q.rotary.pairing, RopePairing::kHalves);
  EXPECT_EQ(q.biases, LinearBiases::kQkv);
  gpt2 = without(without(gpt2, "gpt2.attention.head_count_kv"), "gpt2.attention.layer_norm_rms_epsilon");
  const ModelConfig g = config_from_gguf(MapMetadata(
      changed(gpt2, {{"general.architecture", "gpt2"}, {"gpt2.attention.layer_norm_epsilon", double{1e-5f}}})));
  EXPECT_EQ(g.architecture, Architecture::kGpt2);
  EXPECT_EQ(g.norm, NormKind::kLayer);
  EXPECT_EQ(g.position_encoding, PositionEncoding::kLearned);
  EXPECT_EQ(g.ffn, FfnKind::kGeluTanh);
  EXPECT_EQ(g.biases, LinearBiases::kAll);
}

TEST(GgufConfig, ViolationsAreListedTogether) {
  expect_bad_gguf(
      changed(without(llama_fields(), "llama.block_count"), {{"llama.context_length", 0_i},
                                                             {"llama.embedding_length", "wide"},
                                                             {"llama.attention.head_count_kv", 2_i},
                                                             {"llama.attention.layer_norm_rms_epsilon", std::nan("")},
                                                             {"llama.feed_forward_length", MetadataArray{30}}}),
      {"llama.block_count: is missing", "llama.context_length: 0: must be an integer in [1, 1048576]",
       "llama.embedding_length: \"wide\": must be an integer", "llama.feed_forward_length: a list of 30",
       "llama.attention.head_count_kv: 2: must divide attention.head_count, 9",
       "llama.attention.layer_norm_rms_epsilon: nan: must be a number in"});
  expect_bad_gguf({}, {"general.architecture: is missing"});
  expect_bad_gguf({{"general.architecture", 7_i}}, {"general.architecture: 7"});
  expect_bad_gguf(without(llama_fields(), "llama.vocab_size"), {"llama.vocab_size: is missing"});
  expect_bad_gguf(
      changed(without(llama_fields(), "llama.vocab_size"), {{"tokenizer.ggml.tokens", MetadataArray{1ull << 40}}}),
      {"tokenizer.ggml.tokens: a list of 1099511627776: must be at most 1048576"});
  expect_bad_gguf(changed(llama_fields(), {{"llama.attention.head_count", 7_i}}),
                  {"must divide embedding_length, 576"});
  expect_bad_gguf(changed(llama_fields(), {{"llama.rope.dimension_count", 66_i}}), {"turn 66", "up to 64"});
  expect_bad_gguf(changed(llama_fields(), {{"llama.rope.dimension_count", 3_i}}), {"turn 3", "even"});
  expect_bad_gguf(changed(llama_fields(), {{"llama.attention.key_length", 65536_i}}), {"9 heads of 65536"});
  expect_bad_gguf(changed(llama_fields(), {{"llama.rope.freq_base", 0.0}}), {"llama.rope.freq_base: 0"});
}

TEST(GgufConfig, WhatIsNotSupportedIsNamed) {
  const auto refused = [](const std::string& key, const MetadataValue& value, const std::string& part) {
    expect_bad_gguf(changed(llama_fields(), {{key, value}}), {key, part}, ErrorCode::kUnsupported);
  };
  refused("general.architecture", "mamba", "\"mamba\": is not supported, only llama, qwen2 and gpt2");
  refused("llama.expert_count", 8_i, "8: a mixture of experts");
  refused("llama.attention.sliding_window", 4096_i, "4096: a sliding window shorter than the context, 8192");
  refused("llama.final_logit_softcapping", 30.0, "30: capping of logits");
  refused("llama.attn_logit_softcapping", 50.0, "capping of attention scores");
  refused("llama.rope.scaling.type", "yarn", "\"yarn\": is not supported, only none and linear");
  refused("llama.attention.value_length", 32_i, "other than the length of keys, 64");
  refused("llama.logit_scale", 2.0, "a scale");
}

void expect_bad_json(const std::string& text, std::vector<std::string> parts, ErrorCode code = ErrorCode::kBadFormat) {
  parts.emplace_back("config.json");
  test::expect_error(code, parts, [&] { (void)config_from_huggingface(text, "config.json"); });
}

std::string llama_json(const std::string& more) {
  return R"({"architectures": ["LlamaForCausalLM"], "hidden_size": 2048, "intermediate_size": 8192, "vocab_size": 128256,
    "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8, "max_position_embeddings": 131072,
    "rms_norm_eps": 1e-05, "rope_theta": 500000.0, "torch_dtype": "bfloat16", "attention_bias": false,
    "pretraining_tp": 1)" +
         more + "}";
}

TEST(HuggingFaceConfig, Llama3) {
  const ModelConfig config = config_from_huggingface(
      llama_json(
          R"(, "head_dim": 64, "tie_word_embeddings": true, "hidden_act": "silu", "rope_scaling": {"factor": 32.0,
        "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 8192, "rope_type": "llama3"})"),
      "config.json");
  EXPECT_EQ(config.architecture, Architecture::kLlama);
  EXPECT_EQ(config.vocab_size, 128256);
  EXPECT_EQ(config.d_model, 2048);
  EXPECT_EQ(config.num_heads, 32);
  EXPECT_EQ(config.num_kv_heads, 8);
  EXPECT_EQ(config.head_dim, 64);
  EXPECT_EQ(config.num_layers, 16);
  EXPECT_EQ(config.ffn_width, 8192);
  EXPECT_EQ(config.sequence_length, 131072);
  EXPECT_EQ(config.norm_epsilon, 1e-5f);
  EXPECT_EQ(config.rotary.pairing, RopePairing::kHalves);
  EXPECT_EQ(config.rotary.dimensions, 64);
  EXPECT_EQ(config.rotary.base, 500000);
  EXPECT_EQ(config.rotary.scaling, RotaryScaling::kLlama3);
  EXPECT_EQ(config.rotary.factor, 32);
  EXPECT_EQ(config.rotary.low_frequency_factor, 1);
  EXPECT_EQ(config.rotary.high_frequency_factor, 4);
  EXPECT_EQ(config.rotary.original_context, 8192);
  EXPECT_EQ(config.output, OutputKind::kTied);
  EXPECT_EQ(config.biases, LinearBiases::kNone);
}

TEST(HuggingFaceConfig, OtherSpellings) {
  const ModelConfig linear = config_from_huggingface(
      llama_json(R"(, "head_dim": null, "rope_scaling": {"type": "linear", "factor": 2})"), "config.json");
  EXPECT_EQ(linear.head_dim, 64);
  EXPECT_EQ(linear.rotary.scaling, RotaryScaling::kLinear);
  EXPECT_EQ(linear.rotary.factor, 2);
  EXPECT_EQ(linear.output, OutputKind::kSeparate);
  const ModelConfig later = config_from_huggingface(
      llama_json(R"(, "rope_scaling": null, "rope_parameters": {"rope_theta": 7000, "rope_type": "default"})"),
      "config.json");
  EXPECT_EQ(later.rotary.base, 7000);
  EXPECT_EQ(later.rotary.scaling, RotaryScaling::kNone);
}

TEST(HuggingFaceConfig, MistralAndQwen2) {
  const std::string rest = R"("hidden_size": 64, "intermediate_size": 128, "vocab_size": 100, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 4096, "rms_norm_eps": 1e-6)";
  const ModelConfig mistral =
      config_from_huggingface(R"({"model_type": "mistral", "sliding_window": 4096, )" + rest + "}", "config.json");
  EXPECT_EQ(mistral.architecture, Architecture::kLlama);
  EXPECT_EQ(mistral.head_dim, 16);
  EXPECT_NO_THROW(
      (void)config_from_huggingface(R"({"model_type": "mistral", "sliding_window": null, )" + rest + "}", "c"));
  expect_bad_json(R"({"model_type": "mistral", "sliding_window": 1024, )" + rest + "}",
                  {"sliding_window: 1024", "shorter than max_position_embeddings, 4096"}, ErrorCode::kUnsupported);
  const std::string qwen2 = R"({"architectures": ["Qwen2ForCausalLM"], "sliding_window": 1024, )" + rest;
  const ModelConfig config = config_from_huggingface(qwen2 + R"(, "use_sliding_window": false})", "config.json");
  EXPECT_EQ(config.architecture, Architecture::kQwen2);
  EXPECT_EQ(config.biases, LinearBiases::kQkv);
  expect_bad_json(qwen2 + R"(, "use_sliding_window": true})", {"sliding_window: 1024"}, ErrorCode::kUnsupported);
}

TEST(HuggingFaceConfig, Gpt2) {
  const std::string text = R"({"architectures": ["GPT2LMHeadModel"], "n_embd": 768, "n_layer": 12, "n_head": 12,
    "n_ctx": 1024, "n_positions": 1024, "vocab_size": 50257, "layer_norm_epsilon": 1e-05, "activation_function": )";
  const ModelConfig config = config_from_huggingface(text + R"("gelu_new"})", "config.json");
  EXPECT_EQ(config.architecture, Architecture::kGpt2);
  EXPECT_EQ(config.ffn_width, 3072);
  EXPECT_EQ(config.head_dim, 64);
  EXPECT_EQ(config.num_kv_heads, 12);
  EXPECT_EQ(config.norm, NormKind::kLayer);
  EXPECT_EQ(config.position_encoding, PositionEncoding::kLearned);
  EXPECT_EQ(config.ffn, FfnKind::kGeluTanh);
  EXPECT_EQ(config.biases, LinearBiases::kAll);
  EXPECT_EQ(config.output, OutputKind::kTied);
  EXPECT_EQ(config_from_huggingface(text + R"("gelu", "n_inner": 100})", "c").ffn, FfnKind::kGelu);
  EXPECT_EQ(config_from_huggingface(text + R"("gelu", "n_inner": 100})", "c").ffn_width, 100);
  expect_bad_json(text + R"("relu"})", {"activation_function: \"relu\""}, ErrorCode::kUnsupported);
  expect_bad_json(text + R"("gelu", "scale_attn_by_inverse_layer_idx": true})",
                  {"scale_attn_by_inverse_layer_idx: true"}, ErrorCode::kUnsupported);
}

TEST(HuggingFaceConfig, WhatIsNotSupportedIsNamed) {
  const auto refused = [](const std::string& more, const std::vector<std::string>& parts) {
    expect_bad_json(llama_json(more), parts, ErrorCode::kUnsupported);
  };
  refused(R"(, "rope_scaling": {"rope_type": "yarn", "factor": 4})", {"rope_scaling.rope_type: \"yarn\"", "llama3"});
  refused(R"(, "rope_scaling": {"type": "dynamic", "factor": 4})", {"rope_scaling.type: \"dynamic\""});
  refused(R"(, "hidden_act": "gelu")", {"hidden_act: \"gelu\""});
  refused(R"(, "mlp_bias": true)", {"mlp_bias: true: a bias"});
  refused(R"(, "quantization_config": {"bits": 4})", {"quantization_config"});
  refused(R"(, "partial_rotary_factor": 0.5)", {"partial_rotary_factor: 0.5"});
  expect_bad_json(R"({"architectures": ["MixtralForCausalLM"]})", {"\"MixtralForCausalLM\": is not supported"},
                  ErrorCode::kUnsupported);
}

TEST(HuggingFaceConfig, ViolationsAreListedTogether) {
  expect_bad_json("{", {"not valid JSON"});
  expect_bad_json("[1]", {"must be a JSON object"});
  expect_bad_json("{}", {"model_type: is missing"});
  expect_bad_json(std::string(100000, '['), {"not valid JSON"});
  expect_bad_json(
      R"({"model_type": "llama", "hidden_size": 2.5, "num_attention_heads": "x", "vocab_size": 18446744073709551615,
    "tie_word_embeddings": 1, "rope_scaling": {"rope_type": "llama3", "low_freq_factor": 5, "high_freq_factor": 4}})",
      {"hidden_size: 2.5: must be an integer in [1, 65536]", "num_attention_heads: \"x\"", "vocab_size: 1.8",
       "intermediate_size: is missing", "tie_word_embeddings: 1: must be true or false",
       "rope_scaling.factor: is missing", "rope_scaling.low_freq_factor: 5: must be below high_freq_factor, 4",
       "rope_scaling.original_max_position_embeddings: is missing"});
}

TEST(Llama2cConfig, HeaderOfStories260K) {
  Llama2cHeader header{64, 172, 5, 8, 4, 512, 512};
  const ModelConfig config = config_from_llama2c(header);
  EXPECT_EQ(config.d_model, 64);
  EXPECT_EQ(config.ffn_width, 172);
  EXPECT_EQ(config.num_layers, 5);
  EXPECT_EQ(config.num_heads, 8);
  EXPECT_EQ(config.num_kv_heads, 4);
  EXPECT_EQ(config.head_dim, 8);
  EXPECT_EQ(config.vocab_size, 512);
  EXPECT_EQ(config.sequence_length, 512);
  EXPECT_EQ(config.rotary.dimensions, 8);
  EXPECT_EQ(config.rotary.pairing, RopePairing::kInterleaved);
  EXPECT_EQ(config.norm_epsilon, 1e-5f);
  EXPECT_EQ(config.output, OutputKind::kTied);
  header.shared_classifier = false;
  EXPECT_EQ(config_from_llama2c(header).output, OutputKind::kSeparate);
}

}  // namespace
}  // namespace fllm
