// SPDX-License-Identifier: Apache-2.0
#include "host/model/huggingface_config.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "host/model/config_fields.h"
#include "host/util/bad_file.h"

namespace fllm {
namespace {

using Json = nlohmann::json;

/// A JSON object by paths: "rope_scaling.factor", "architectures.0". null is as good as absent.
class JsonMetadata final : public MetadataView {
 public:
  JsonMetadata(const std::string& text, const std::string& source)
      : source_(source), root_(Json::parse(text, nullptr, false)) {
    if (root_.is_discarded()) bad_file(source, "not valid JSON");
    if (!root_.is_object()) bad_file(source, "must be a JSON object");
  }

  [[nodiscard]] const std::string& source() const override { return source_; }

  [[nodiscard]] std::optional<MetadataValue> find(std::string_view path) const override {
    const Json* value = &root_;
    while (value != nullptr && !path.empty()) {
      const std::size_t dot = path.find('.');
      value = child(*value, path.substr(0, dot));
      path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
    }
    return value == nullptr ? std::nullopt : read(*value);
  }

 private:
  static const Json* child(const Json& parent, std::string_view key) {
    if (parent.is_array()) return key == "0" && !parent.empty() ? &parent[0] : nullptr;
    if (!parent.is_object()) return nullptr;
    const auto found = parent.find(key);
    return found == parent.end() ? nullptr : &*found;
  }

  static std::optional<MetadataValue> read(const Json& value) {
    switch (value.type()) {
      case Json::value_t::number_integer:
        return value.get<std::int64_t>();
      case Json::value_t::number_unsigned:
        return value.get<std::uint64_t>() >> 63 == 0 ? MetadataValue(value.get<std::int64_t>())
                                                     : MetadataValue(value.get<double>());
      case Json::value_t::number_float:
        return value.get<double>();
      case Json::value_t::boolean:
        return value.get<bool>();
      case Json::value_t::string:
        return value.get<std::string>();
      case Json::value_t::array:
      case Json::value_t::object:
        return MetadataArray{value.size()};
      default:
        return std::nullopt;
    }
  }

  const std::string& source_;
  Json root_;
};

enum class Family : std::uint8_t { kLlama, kMistral, kQwen2, kGpt2 };

struct KnownModel {
  std::string_view model_class, model_type;
  Family family;
};
constexpr KnownModel kKnownModels[] = {{"LlamaForCausalLM", "llama", Family::kLlama},
                                       {"MistralForCausalLM", "mistral", Family::kMistral},
                                       {"Qwen2ForCausalLM", "qwen2", Family::kQwen2},
                                       {"GPT2LMHeadModel", "gpt2", Family::kGpt2}};

Family family_of(ConfigFields& fields) {
  const char* key = fields.has("architectures.0") ? "architectures.0" : "model_type";
  const std::string name = fields.text(key, "");
  for (const KnownModel& known : kKnownModels) {
    if (name == known.model_class || (name == known.model_type && std::string_view(key) == "model_type")) {
      return known.family;
    }
  }
  const bool there = fields.has(key);
  fields.refuse(
      key,
      there ? "is not supported, only LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM and GPT2LMHeadModel "
              "(model_type llama, mistral, qwen2, gpt2)"
            : "is missing, and so is architectures",
      there);
  fields.finish();
  return Family::kLlama;
}

void read_activation(ConfigFields& fields, const char* key, std::string_view usual, ModelConfig& config) {
  const std::string name = fields.text(key, usual);
  const bool gpt2 = config.architecture == Architecture::kGpt2;
  if (!gpt2 && (name == "silu" || name == "swish")) {
    config.ffn = FfnKind::kSwiGlu;
  } else if (gpt2 && (name == "gelu_new" || name == "gelu_pytorch_tanh")) {
    config.ffn = FfnKind::kGeluTanh;
  } else if (gpt2 && name == "gelu") {
    config.ffn = FfnKind::kGelu;
  } else {
    fields.refuse(key,
                  gpt2 ? "is not supported, only gelu_new, gelu_pytorch_tanh and gelu" : "is not supported, only silu");
  }
}

/// rope_scaling, or in later files rope_parameters, which has rope_theta too.
void read_rotary(ConfigFields& fields, ModelConfig& config) {
  RotaryConfig& rotary = config.rotary;
  const std::string group = fields.has("rope_parameters") ? "rope_parameters." : "rope_scaling.";
  const std::string base = fields.has(group + "rope_theta") ? group + "rope_theta" : "rope_theta";
  rotary.base = fields.real(base, 1, 1e12, 10000);
  rotary.dimensions = config.head_dim;
  rotary.pairing = RopePairing::kHalves;
  for (const std::string& partial : {std::string("partial_rotary_factor"), group + "partial_rotary_factor"}) {
    if (fields.real(partial, 0, 1, 1) != 1) fields.refuse(partial, "is not supported, only 1");
  }
  const std::string type_key = group + (fields.has(group + "rope_type") ? "rope_type" : "type");
  const std::string type = fields.text(type_key, "default");
  if (type == "linear") {
    rotary.scaling = RotaryScaling::kLinear;
    rotary.factor = fields.real(group + "factor", 1, 1e6);
  } else if (type == "llama3") {
    rotary.scaling = RotaryScaling::kLlama3;
    rotary.factor = fields.real(group + "factor", 1, 1e6);
    rotary.low_frequency_factor = fields.real(group + "low_freq_factor", 1e-6, 1e6);
    rotary.high_frequency_factor = fields.real(group + "high_freq_factor", 1e-6, 1e6);
    rotary.original_context = fields.integer(group + "original_max_position_embeddings", 1, kMostTokens);
    if (rotary.low_frequency_factor >= rotary.high_frequency_factor) {
      fields.refuse(group + "low_freq_factor",
                    fmt::format("must be below high_freq_factor, {}", rotary.high_frequency_factor), false);
    }
  } else if (type != "default") {
    fields.refuse(type_key, "is not supported, only default, linear and llama3");
  }
}

void refuse_sliding_window(ConfigFields& fields, Family family, std::int32_t context) {
  const bool used =
      family == Family::kMistral || (family == Family::kQwen2 && fields.boolean("use_sliding_window", false));
  if (!used || !fields.has("sliding_window")) return;
  if (fields.integer("sliding_window", 1, kMostTokens) < context) {
    fields.refuse("sliding_window",
                  fmt::format("a window shorter than max_position_embeddings, {}, is not supported", context));
  }
}

void read_llama(ConfigFields& fields, Family family, ModelConfig& config) {
  config.architecture = family == Family::kQwen2 ? Architecture::kQwen2 : Architecture::kLlama;
  config.d_model = fields.integer("hidden_size", 1, kMostWidth);
  config.ffn_width = fields.integer("intermediate_size", 1, kMostFfnWidth);
  config.num_layers = fields.integer("num_hidden_layers", 1, kMostLayers);
  config.num_heads = fields.integer("num_attention_heads", 1, kMostWidth);
  config.num_kv_heads = fields.integer("num_key_value_heads", 1, kMostWidth, config.num_heads);
  if (!fields.has("head_dim") && config.d_model % config.num_heads != 0) {
    fields.refuse("num_attention_heads", fmt::format("must divide hidden_size, {}", config.d_model), false);
  }
  config.head_dim = fields.integer("head_dim", 1, kMostWidth, std::max(config.d_model / config.num_heads, 1));
  config.sequence_length = fields.integer("max_position_embeddings", 1, kMostTokens);
  config.norm = NormKind::kRms;
  config.norm_epsilon = static_cast<float>(fields.real("rms_norm_eps", 1e-12, 1, 1e-6));
  config.position_encoding = PositionEncoding::kRotary;
  read_rotary(fields, config);
  read_activation(fields, "hidden_act", "silu", config);
  config.biases = family == Family::kQwen2 ? LinearBiases::kQkv : LinearBiases::kNone;
  fields.require_absent("attention_bias", "a bias of the attention's products");
  fields.require_absent("mlp_bias", "a bias of the feed-forward products");
  fields.require_absent("num_local_experts", "a mixture of experts");
  fields.require_absent("attn_logit_softcapping", "capping of attention scores");
  fields.require_absent("final_logit_softcapping", "capping of logits");
  config.output = fields.boolean("tie_word_embeddings", false) ? OutputKind::kTied : OutputKind::kSeparate;
  refuse_sliding_window(fields, family, config.sequence_length);
  check_heads(fields, config, "num_attention_heads", "num_key_value_heads");
}

void read_gpt2(ConfigFields& fields, ModelConfig& config) {
  config.architecture = Architecture::kGpt2;
  config.d_model = fields.integer("n_embd", 1, kMostWidth);
  config.num_layers = fields.integer("n_layer", 1, kMostLayers);
  config.num_heads = fields.integer("n_head", 1, kMostWidth);
  config.num_kv_heads = config.num_heads;
  if (config.d_model % config.num_heads != 0) {
    fields.refuse("n_head", fmt::format("must divide n_embd, {}", config.d_model), false);
  }
  config.head_dim = std::max(config.d_model / config.num_heads, 1);
  config.ffn_width = fields.integer("n_inner", 1, kMostFfnWidth, 4 * config.d_model);
  config.sequence_length = fields.integer(fields.has("n_positions") ? "n_positions" : "n_ctx", 1, kMostTokens);
  config.norm = NormKind::kLayer;
  config.norm_epsilon = static_cast<float>(fields.real("layer_norm_epsilon", 1e-12, 1, 1e-5));
  config.position_encoding = PositionEncoding::kLearned;
  read_activation(fields, "activation_function", "gelu_new", config);
  config.biases = LinearBiases::kAll;
  if (!fields.boolean("scale_attn_weights", true)) fields.refuse("scale_attn_weights", "is not supported, only true");
  fields.require_absent("scale_attn_by_inverse_layer_idx", "a scale for each layer");
  fields.require_absent("add_cross_attention", "attention to another model");
  config.output = fields.boolean("tie_word_embeddings", true) ? OutputKind::kTied : OutputKind::kSeparate;
  check_heads(fields, config, "n_head", "n_head");
}

}  // namespace

ModelConfig config_from_huggingface(const std::string& text, const std::string& source) {
  const JsonMetadata metadata(text, source);
  ConfigFields fields(metadata);
  const Family family = family_of(fields);
  ModelConfig config;
  config.vocab_size = fields.integer("vocab_size", 1, kMostTokens);
  if (family == Family::kGpt2) {
    read_gpt2(fields, config);
  } else {
    read_llama(fields, family, config);
  }
  if (fields.has("quantization_config"))
    fields.refuse("quantization_config", "quantised weights of this kind are not supported");
  fields.finish();
  return config;
}

}  // namespace fllm
