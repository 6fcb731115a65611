// SPDX-License-Identifier: Apache-2.0
#include "host/model/llama2c_config.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "host/model/config_fields.h"

namespace fllm {
namespace {

class HeaderMetadata final : public MetadataView {
 public:
  HeaderMetadata(const Llama2cHeader& header, const std::string& source) : header_(header), source_(source) {}

  [[nodiscard]] const std::string& source() const override { return source_; }

  [[nodiscard]] std::optional<MetadataValue> find(std::string_view key) const override {
    const std::pair<std::string_view, std::int64_t> fields[] = {
        {"dim", header_.dim},         {"hidden_dim", header_.hidden_dim}, {"n_layers", header_.n_layers},
        {"n_heads", header_.n_heads}, {"n_kv_heads", header_.n_kv_heads}, {"vocab_size", header_.vocab_size},
        {"seq_len", header_.seq_len}};
    for (const auto& [name, value] : fields) {
      if (name == key) return value;
    }
    return std::nullopt;
  }

 private:
  const Llama2cHeader& header_;
  const std::string& source_;
};

}  // namespace

ModelConfig config_from_llama2c(const Llama2cHeader& header, const std::string& source) {
  const HeaderMetadata metadata(header, source);
  ConfigFields fields(metadata);
  ModelConfig config;
  config.architecture = Architecture::kLlama;
  config.d_model = fields.integer("dim", 1, kMostWidth);
  config.ffn_width = fields.integer("hidden_dim", 1, kMostFfnWidth);
  config.num_layers = fields.integer("n_layers", 1, kMostLayers);
  config.num_heads = fields.integer("n_heads", 1, kMostWidth);
  config.num_kv_heads = fields.integer("n_kv_heads", 1, kMostWidth);
  config.vocab_size = std::abs(fields.integer("vocab_size", -kMostTokens, kMostTokens));
  if (header.vocab_size == 0) fields.refuse("vocab_size", "must not be 0", false);
  config.sequence_length = fields.integer("seq_len", 1, kMostTokens);
  if (config.d_model % config.num_heads != 0) {
    fields.refuse("n_heads", fmt::format("must divide dim, {}", config.d_model), false);
  }
  config.head_dim = std::max(config.d_model / config.num_heads, 1);
  config.norm = NormKind::kRms;
  config.norm_epsilon = 1e-5f;
  config.position_encoding = PositionEncoding::kRotary;
  config.rotary = {.base = 10000, .dimensions = config.head_dim, .pairing = RopePairing::kInterleaved};
  config.ffn = FfnKind::kSwiGlu;
  config.biases = LinearBiases::kNone;
  config.output = header.vocab_size > 0 ? OutputKind::kTied : OutputKind::kSeparate;
  check_heads(fields, config, "n_heads", "n_kv_heads");
  fields.finish();
  return config;
}

}  // namespace fllm
