// SPDX-License-Identifier: Apache-2.0
#include "host/model/weight_map.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "fundamentallm/result.h"
#include "host/model/tensor_read.h"

namespace fllm {
namespace {

constexpr std::size_t kMaxListedWeights = 20;
constexpr std::size_t kMaxShownBytes = 128;

using Shape = std::vector<std::int64_t>;

std::string with_index(std::string_view name, std::int32_t index) {
  const std::size_t place = name.find("{}");
  if (place == std::string_view::npos) return std::string(name);
  return fmt::format("{}{}{}", name.substr(0, place), index, name.substr(place + 2));
}

/// Takes tensors out of a source by name and remembers what was wrong.
class Finder {
 public:
  Finder(const TensorSource& source, const WeightNames& names) : source_(source), names_(names) {}

  /// Full name: any prefix, name, suffix. Null when something is wrong.
  const TensorInfo* find(const std::string& name, std::string_view suffix, const Shape& shape) {
    const std::vector<std::string> tried = full_names(name, suffix);
    for (const std::string& full : tried) {
      if (source_.find(full) != nullptr) return find_optional(full, shape);
    }
    problems_.push_back(fmt::format("{}: is missing", fmt::join(tried, " or ")));
    return nullptr;
  }

  const TensorInfo* find_whole(std::string_view full, const Shape& shape) {
    if (source_.find(full) == nullptr) problems_.push_back(fmt::format("{}: is missing", full));
    return find_optional(full, shape);
  }

  /// Null when there is none, or when something is wrong with it.
  const TensorInfo* find_optional(std::string_view full, const Shape& shape) {
    const TensorInfo* tensor = source_.find(full);
    if (tensor == nullptr) return nullptr;
    taken_.emplace(full);
    if (without_leading_one(tensor->shape, shape.size()) != shape) {
      problems_.push_back(
          fmt::format("{}: shape {}, the config asks for {}", full, shape_text(tensor->shape), shape_text(shape)));
      return nullptr;
    }
    if (const auto problem = source_.problem(*tensor)) {
      problems_.push_back(fmt::format("{}: {}", full, *problem));
      return nullptr;
    }
    return tensor;
  }

  NormTensors norm(const std::string& name, const ModelConfig& config) {
    NormTensors tensors;
    tensors.weight = find(name, names_.weight_suffix, {config.d_model});
    if (config.norm == NormKind::kLayer) tensors.bias = find(name, names_.bias_suffix, {config.d_model});
    return tensors;
  }

  struct Part {
    std::string name;
    std::int32_t out;
  };
  LinearTensors linear(const std::vector<Part>& parts, std::int32_t in, bool biased) {
    LinearTensors tensors;
    tensors.in = in;
    for (const Part& part : parts) {
      tensors.out += part.out;
      const Shape shape = names_.transposed ? Shape{in, part.out} : Shape{part.out, in};
      tensors.weights.push_back(find(part.name, names_.weight_suffix, shape));
      if (biased) tensors.biases.push_back(find(part.name, names_.bias_suffix, {part.out}));
    }
    return tensors;
  }

  /// Names that are there and not read.
  void pass_over(std::int32_t layer_count) {
    for (const std::string_view name : names_.unread) {
      if (name.empty()) continue;
      for (std::int32_t i = 0; i < layer_count; ++i) {
        for (std::string& full : full_names(with_index(name, i), "")) taken_.insert(std::move(full));
      }
    }
  }

  void finish() {
    for (const TensorInfo& tensor : source_.tensors()) {
      if (taken_.count(tensor.name) != 0) continue;
      problems_.push_back(fmt::format("{}: not part of the model its config describes",
                                      std::string_view(tensor.name).substr(0, kMaxShownBytes)));
    }
    if (problems_.empty()) return;
    const std::size_t count = problems_.size();
    if (count > kMaxListedWeights) problems_.resize(kMaxListedWeights);
    throw Exception(ErrorCode::kBadFormat,
                    fmt::format("{}: {} wrong tensor{}: {}{}", source_.source(), count, count == 1 ? "" : "s",
                                fmt::join(problems_, "; "), count > kMaxListedWeights ? "; …" : ""));
  }

 private:
  [[nodiscard]] std::vector<std::string> full_names(const std::string& name, std::string_view suffix) const {
    std::vector<std::string> full = {fmt::format("{}{}{}", names_.prefixes[0], name, suffix)};
    if (names_.prefixes[1] != names_.prefixes[0])
      full.push_back(fmt::format("{}{}{}", names_.prefixes[1], name, suffix));
    return full;
  }

  /// Buffers may carry a batch dimension of one.
  static Shape without_leading_one(Shape shape, std::size_t dimensions) {
    if (shape.size() == dimensions + 1 && shape[0] == 1) shape.erase(shape.begin());
    return shape;
  }

  const TensorSource& source_;
  const WeightNames& names_;
  std::unordered_set<std::string> taken_;
  std::vector<std::string> problems_;
};

LayerTensors find_layer(Finder& finder, const ModelConfig& config, const LayerNames& names, std::int32_t index) {
  const auto name = [index](std::string_view pattern) { return with_index(pattern, index); };
  const std::int32_t width = config.d_model, query = config.query_width(), kv = config.kv_width();
  const bool all = config.biases == LinearBiases::kAll, qkv = config.biases != LinearBiases::kNone;
  LayerTensors layer;
  layer.attention_norm = finder.norm(name(names.attention_norm), config);
  if (!names.qkv.empty()) {
    layer.qkv = finder.linear({{name(names.qkv), config.qkv_width()}}, width, qkv);
  } else {
    layer.qkv = finder.linear({{name(names.query), query}, {name(names.key), kv}, {name(names.value), kv}}, width, qkv);
  }
  layer.attention_out = finder.linear({{name(names.attention_out), width}}, query, all);
  layer.ffn_norm = finder.norm(name(names.ffn_norm), config);
  std::vector<Finder::Part> ffn_in = {{name(names.ffn_in), config.ffn_width}};
  if (config.ffn == FfnKind::kSwiGlu) ffn_in.insert(ffn_in.begin(), {name(names.ffn_gate), config.ffn_width});
  layer.ffn_in = finder.linear(ffn_in, width, all);
  layer.ffn_out = finder.linear({{name(names.ffn_out), width}}, config.ffn_width, all);
  return layer;
}

/// What the positions need: a table, or factors of the rotary frequencies.
void find_positions(Finder& finder, const ModelConfig& config, const WeightNames& names, ModelTensors& tensors) {
  const Shape table = {config.sequence_length, config.d_model};
  switch (config.position_encoding) {
    case PositionEncoding::kLearned:
      tensors.positions = finder.find(std::string(names.positions), names.weight_suffix, table);
      break;
    case PositionEncoding::kSinusoidal:
      if (!names.sinusoidal_positions.empty()) {
        tensors.positions = finder.find_optional(names.sinusoidal_positions, table);
      }
      break;
    case PositionEncoding::kRotary:
      if (!names.rotary_factors.empty()) {
        tensors.rotary_factors = finder.find_optional(names.rotary_factors, {config.rotary.dimensions / 2});
      }
      break;
  }
}

}  // namespace

ModelTensors map_weights(const TensorSource& source, const ModelConfig& config, const WeightNames& names) {
  Finder finder(source, names);
  const Shape matrix = {config.vocab_size, config.d_model};
  ModelTensors tensors;
  tensors.token_embedding = finder.find(std::string(names.token_embedding), names.weight_suffix, matrix);
  find_positions(finder, config, names, tensors);
  for (std::int32_t i = 0; i < config.num_layers; ++i) {
    tensors.layers.push_back(find_layer(finder, config, names.layer, i));
  }
  tensors.output_norm = finder.norm(std::string(names.output_norm), config);
  tensors.output = config.output == OutputKind::kSeparate ? finder.find_whole(names.output, matrix)
                                                          : finder.find_optional(names.output, matrix);
  finder.pass_over(config.num_layers);
  finder.finish();
  return tensors;
}

}  // namespace fllm
