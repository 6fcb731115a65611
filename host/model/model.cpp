// SPDX-License-Identifier: Apache-2.0
#include "host/model/model.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <span>

#include "fundamentallm/result.h"
#include "host/model/checkpoint.h"
#include "host/model/config_file.h"
#include "host/model/tensor_read.h"
#include "host/model/weight_map.h"

namespace fllm {
namespace {

constexpr std::int64_t kMaxComputedPositions = std::int64_t{1} << 28;  // elements; 1 GiB

std::string checkpoint_file(const std::string& path) {
  std::error_code unreachable;
  if (!std::filesystem::is_directory(path, unreachable)) return path;
  for (const char* name : {"model.pt", "final_model.pt", "best.pt"}) {
    const std::filesystem::path file = std::filesystem::path(path) / name;
    if (std::filesystem::exists(file, unreachable)) return file.string();
  }
  throw Exception(ErrorCode::kNotFound,
                  fmt::format("{}: no checkpoint in this folder; searched: model.pt, final_model.pt, best.pt", path));
}

/// P[position, 2i] = sin(position / 10000^(2i / width)), P[position, 2i + 1] the cosine (Vaswani et al. 2017, 3.5).
std::vector<float> sinusoidal_positions(const ModelConfig& config, const std::string& source) {
  const std::int64_t count = std::int64_t{config.sequence_length} * config.d_model;
  if (count > kMaxComputedPositions) {
    throw Exception(ErrorCode::kUnsupported,
                    fmt::format("{}: positional_encoding.pe is missing, and a table of {} x {} is too large to compute",
                                source, config.sequence_length, config.d_model));
  }
  std::vector<float> table(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t position = i / config.d_model;
    const std::int64_t column = i % config.d_model;
    const double exponent = static_cast<double>(column - column % 2) / config.d_model;
    const double angle = static_cast<double>(position) * std::pow(10000.0, -exponent);
    table[static_cast<std::size_t>(i)] = static_cast<float>(column % 2 == 0 ? std::sin(angle) : std::cos(angle));
  }
  return table;
}

/// Same elements of the same storage.
bool same_view(const PickleTensor& a, const PickleTensor& b) {
  return a.storage.key == b.storage.key && a.storage.type == b.storage.type && a.offset == b.offset &&
         a.shape == b.shape && a.strides == b.strides;
}

/// Moves weights from a checkpoint to a backend, each read once.
class Loader {
 public:
  Loader(Checkpoint& checkpoint, Backend& backend) : checkpoint_(checkpoint), backend_(backend) {}

  Model load(const ModelConfig& config, const ModelTensors& tensors) {
    Model model;
    model.config = config;
    model.path = checkpoint_.source();
    const std::vector<float> embedding = parameter(*tensors.token_embedding);
    check_tied(tensors, embedding);
    model.token_embedding = to_device(embedding);
    model.output = backend_.make_linear(embedding, config.vocab_size, config.d_model);
    model.position_table = to_device(positions(config, tensors));
    for (const LayerTensors& layer : tensors.layers) model.layers.push_back(load_layer(config, layer));
    model.output_norm = to_device(parameter(*tensors.output_norm));
    model.parameter_count = parameter_count_;
    return model;
  }

 private:
  ModelLayer load_layer(const ModelConfig& config, const LayerTensors& tensors) {
    ModelLayer layer;
    layer.attention_norm = to_device(parameter(*tensors.attention_norm));
    layer.qkv = linear({tensors.query, tensors.key, tensors.value}, config.d_model);
    layer.attention_out = linear({tensors.attention_out}, config.d_model);
    layer.ffn_norm = to_device(parameter(*tensors.ffn_norm));
    layer.ffn_in = linear({tensors.ffn_in}, config.d_model);
    layer.ffn_out = linear({tensors.ffn_out}, config.ffn_width());
    return layer;
  }

  /// One layer whose outputs are those of the parts, one part after the other.
  LinearLayer linear(const std::vector<LinearTensors>& parts, std::int32_t in) {
    std::vector<float> weight, bias;
    for (const LinearTensors& part : parts) {
      append(*part.weight, weight);
      append(*part.bias, bias);
    }
    return {backend_.make_linear(weight, static_cast<std::int32_t>(bias.size()), in), to_device(bias)};
  }

  std::vector<float> positions(const ModelConfig& config, const ModelTensors& tensors) {
    if (tensors.positions == nullptr) return sinusoidal_positions(config, checkpoint_.source());
    if (config.position_encoding == PositionEncoding::kLearned) return parameter(*tensors.positions);
    return read(*tensors.positions);
  }

  /// The output matrix is the embedding. A file that says otherwise was not written by FundamentaLLM.
  void check_tied(const ModelTensors& tensors, const std::vector<float>& embedding) {
    if (tensors.output == nullptr || same_view(*tensors.output, *tensors.token_embedding)) return;
    if (read(*tensors.output) != embedding) {
      throw Exception(
          ErrorCode::kUnsupported,
          fmt::format("{}: output_proj.weight differs from token_embedding.weight; only tied ones are supported",
                      checkpoint_.source()));
    }
  }

  void append(const PickleTensor& tensor, std::vector<float>& values) {
    const std::size_t begin = values.size();
    values.resize(begin + static_cast<std::size_t>(*element_count(tensor.shape)));
    checkpoint_.read(tensor, std::span(values).subspan(begin));
    parameter_count_ += static_cast<std::int64_t>(values.size() - begin);
  }
  std::vector<float> parameter(const PickleTensor& tensor) {
    std::vector<float> values;
    append(tensor, values);
    return values;
  }
  std::vector<float> read(const PickleTensor& tensor) {
    std::vector<float> values(static_cast<std::size_t>(*element_count(tensor.shape)));
    checkpoint_.read(tensor, values);
    return values;
  }
  DeviceArray<float> to_device(const std::vector<float>& values) {
    DeviceArray<float> array(backend_, values.size());
    array.upload(values);
    return array;
  }

  Checkpoint& checkpoint_;
  Backend& backend_;
  std::int64_t parameter_count_ = 0;
};

}  // namespace

Model load_model(const std::string& path, Backend& backend) {
  const std::string file = checkpoint_file(path);
  Checkpoint checkpoint = Checkpoint::open(file);
  const ModelConfig config = find_config(checkpoint, file);
  const ModelTensors tensors = map_weights(checkpoint, config);
  return Loader(checkpoint, backend).load(config, tensors);
}

std::string tokenizer_path(const std::string& checkpoint_path) {
  const std::filesystem::path path(checkpoint_path);
  std::error_code unreachable;
  const bool folder = std::filesystem::is_directory(path, unreachable);
  return ((folder ? path : path.parent_path()) / "tokenizer.json").string();
}

}  // namespace fllm
