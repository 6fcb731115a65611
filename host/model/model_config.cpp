// SPDX-License-Identifier: Apache-2.0
#include "host/model/model_config.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <array>
#include <map>
#include <optional>
#include <string_view>

#include "fundamentallm/result.h"

namespace fllm {
namespace {

// Upstream sets no upper bounds but for the layers; these keep every product of two within 32 bits or a checked sum.
constexpr std::int32_t kMaxVocab = 1 << 20;
constexpr std::int32_t kMaxWidth = 1 << 16;
constexpr std::int32_t kMaxLayers = 48;
constexpr std::int32_t kMaxContext = 1 << 20;
constexpr std::int32_t kMaxExpansion = 64;
constexpr std::size_t kMaxShown = 60;

using Value = MetadataValue;

std::string_view canonical(std::string_view key) {
  if (key == "hidden_dim" || key == "model_dim") return "d_model";
  if (key == "max_seq_len") return "sequence_length";
  return key;
}

class ConfigCheck {
 public:
  explicit ConfigCheck(const std::vector<ConfigField>& fields) {
    for (const ConfigField& field : fields) {
      const auto [found, fresh] = values_.emplace(canonical(field.key), field.value);
      if (!fresh && found->second != field.value) {
        problem(fmt::format("{}: {} and {}: given twice", found->first, value_text(found->second),
                            value_text(field.value)));
      }
    }
  }

  ModelConfig run() {
    ModelConfig config;
    config.d_model = 128;
    config.num_heads = 2;
    config.num_layers = 6;
    config.sequence_length = 256;
    std::int32_t ffn_expansion = 4;
    if (values_.count("vocab_size") == 0) problem("vocab_size: is missing");
    integer("vocab_size", kMaxVocab, config.vocab_size);
    integer("d_model", kMaxWidth, config.d_model);
    integer("num_heads", kMaxWidth, config.num_heads);
    integer("num_layers", kMaxLayers, config.num_layers);
    integer("sequence_length", kMaxContext, config.sequence_length);
    integer("ffn_expansion", kMaxExpansion, ffn_expansion);
    if (config.d_model % config.num_heads != 0) {
      problem(fmt::format("num_heads: {}: must divide d_model, {}", config.num_heads, config.d_model));
    }
    config.num_kv_heads = config.num_heads;
    config.head_dim = config.d_model / config.num_heads;
    config.ffn_width = config.d_model * ffn_expansion;
    dropout();
    position_encoding(config.position_encoding);
    for (const auto& [key, value] : values_) {
      problem(fmt::format("{}: {}: there is no such key", key.substr(0, kMaxShown), value_text(value)));
    }
    return config;
  }

  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }
  [[nodiscard]] bool unsupported() const { return unsupported_; }

 private:
  void problem(std::string text) { problems_.push_back(std::move(text)); }

  std::optional<Value> take(const std::string& key) {
    const auto found = values_.find(key);
    if (found == values_.end()) return std::nullopt;
    Value value = std::move(found->second);
    values_.erase(found);
    return value;
  }

  /// Leaves result as it is when the key is missing or wrong.
  void integer(const std::string& key, std::int32_t largest, std::int32_t& result) {
    const std::optional<Value> value = take(key);
    if (!value) return;
    const std::optional<std::int64_t> number = integer_of(*value);
    if (!number || *number < 1 || *number > largest) {
      problem(fmt::format("{}: {}: must be an integer in [1, {}]", key, value_text(*value), largest));
      return;
    }
    result = static_cast<std::int32_t>(*number);
  }

  /// Of no use after training, but a value out of range says the file is not what it seems.
  void dropout() {
    const std::optional<Value> value = take("dropout");
    if (!value) return;
    const auto* integer = std::get_if<std::int64_t>(&*value);
    const auto* real = std::get_if<double>(&*value);
    const double number = integer != nullptr ? static_cast<double>(*integer) : real != nullptr ? *real : -1;
    if (!(number >= 0 && number <= 1)) problem(fmt::format("dropout: {}: must be in [0, 1]", value_text(*value)));
  }

  void position_encoding(PositionEncoding& result) {
    const std::optional<Value> value = take("pos_encoding");
    if (!value) return;
    const auto* name = std::get_if<std::string>(&*value);
    if (name != nullptr && *name == "learned") {
      result = PositionEncoding::kLearned;
    } else if (name != nullptr && *name == "sinusoidal") {
      result = PositionEncoding::kSinusoidal;
    } else {
      unsupported_ = name != nullptr && *name == "rope";
      problem(fmt::format("pos_encoding: {}: {} learned or sinusoidal", value_text(*value),
                          unsupported_ ? "is not supported, only" : "must be"));
    }
  }

  std::map<std::string, Value, std::less<>> values_;  // by canonical key
  std::vector<std::string> problems_;
  bool unsupported_ = false;
};

}  // namespace

ModelConfig check_config(const std::vector<ConfigField>& fields, const std::string& source) {
  ConfigCheck check(fields);
  const ModelConfig config = check.run();
  if (!check.problems().empty()) {
    const bool only_unsupported = check.unsupported() && check.problems().size() == 1;
    throw Exception(only_unsupported ? ErrorCode::kUnsupported : ErrorCode::kBadFormat,
                    fmt::format("{}: model config: {}", source, fmt::join(check.problems(), "; ")));
  }
  return config;
}

}  // namespace fllm
