// SPDX-License-Identifier: Apache-2.0
#include "host/model/weight_map.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <string>
#include <unordered_set>

#include "fundamentallm/result.h"
#include "host/model/tensor_read.h"

namespace fllm {
namespace {

constexpr std::size_t kMaxListed = 20;
constexpr std::size_t kMaxShownBytes = 128;

using Shape = std::vector<std::int64_t>;

/// Takes tensors out of a checkpoint by name and remembers what was wrong.
class Finder {
 public:
  explicit Finder(const Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

  const PickleTensor* find(const std::string& name, const Shape& shape) {
    const PickleTensor* tensor = find_optional(name, shape);
    if (tensor == nullptr && checkpoint_.find(name) == nullptr) {
      problems_.push_back(fmt::format("{}: is missing", name));
    }
    return tensor;
  }

  /// Null when there is none, or when something is wrong with it.
  const PickleTensor* find_optional(const std::string& name, const Shape& shape) {
    const PickleTensor* tensor = checkpoint_.find(name);
    if (tensor == nullptr) return nullptr;
    taken_.insert(name);
    if (without_leading_one(tensor->shape, shape.size()) != shape) {
      problems_.push_back(
          fmt::format("{}: shape {}, the config asks for {}", name, shape_text(tensor->shape), shape_text(shape)));
      return nullptr;
    }
    if (const auto problem = checkpoint_.problem(*tensor)) {
      problems_.push_back(fmt::format("{}: {}", name, *problem));
      return nullptr;
    }
    return tensor;
  }

  LinearTensors linear(const std::string& name, std::int64_t out, std::int64_t in) {
    return {find(name + ".weight", {out, in}), find(name + ".bias", {out})};
  }

  void finish() {
    for (const std::string_view name : checkpoint_.names()) {
      if (taken_.count(std::string(name)) == 0) {
        problems_.push_back(
            fmt::format("{}: not part of the model its config describes", name.substr(0, kMaxShownBytes)));
      }
    }
    if (problems_.empty()) return;
    const std::size_t count = problems_.size();
    if (count > kMaxListed) problems_.resize(kMaxListed);
    throw Exception(ErrorCode::kBadFormat,
                    fmt::format("{}: {} wrong tensor{}: {}{}", checkpoint_.source(), count, count == 1 ? "" : "s",
                                fmt::join(problems_, "; "), count > kMaxListed ? "; …" : ""));
  }

 private:
  /// Buffers may carry a batch dimension of one.
  static Shape without_leading_one(Shape shape, std::size_t dimensions) {
    if (shape.size() == dimensions + 1 && shape[0] == 1) shape.erase(shape.begin());
    return shape;
  }

  const Checkpoint& checkpoint_;
  std::unordered_set<std::string> taken_;
  std::vector<std::string> problems_;
};

LayerTensors find_layer(Finder& finder, const ModelConfig& config, std::int32_t index) {
  const std::string block = fmt::format("blocks.{}.", index);
  const std::int64_t width = config.d_model;
  LayerTensors layer;
  layer.attention_norm = finder.find(block + "norm1.weight", {width});
  layer.query = finder.linear(block + "attention.W_q", width, width);
  layer.key = finder.linear(block + "attention.W_k", width, width);
  layer.value = finder.linear(block + "attention.W_v", width, width);
  layer.attention_out = finder.linear(block + "attention.W_o", width, width);
  layer.ffn_norm = finder.find(block + "norm2.weight", {width});
  layer.ffn_in = finder.linear(block + "ffn.linear1", config.ffn_width(), width);
  layer.ffn_out = finder.linear(block + "ffn.linear2", width, config.ffn_width());
  return layer;
}

}  // namespace

ModelTensors map_weights(const Checkpoint& checkpoint, const ModelConfig& config) {
  Finder finder(checkpoint);
  ModelTensors tensors;
  tensors.token_embedding = finder.find("token_embedding.weight", {config.vocab_size, config.d_model});
  const Shape positions = {config.sequence_length, config.d_model};
  tensors.positions = config.position_encoding == PositionEncoding::kLearned
                          ? finder.find("positional_encoding.embeddings.weight", positions)
                          : finder.find_optional("positional_encoding.pe", positions);
  for (std::int32_t i = 0; i < config.num_layers; ++i) tensors.layers.push_back(find_layer(finder, config, i));
  tensors.output_norm = finder.find("output_norm.weight", {config.d_model});
  tensors.output = finder.find_optional("output_proj.weight", {config.vocab_size, config.d_model});
  finder.finish();
  return tensors;
}

}  // namespace fllm
