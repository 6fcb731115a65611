// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>

#include "fundamentallm/result.h"
#include "host/model/model.h"
#include "host/model/positions.h"
#include "host/model/quantized_blocks.h"
#include "host/model/tensor_read.h"
#include "host/model/weight_map.h"

namespace fllm {
namespace {

std::size_t elements(const TensorInfo& tensor) { return static_cast<std::size_t>(*element_count(tensor.shape)); }

bool same_bytes(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/// Moves weights from a source to a backend, each read once.
class Loader {
 public:
  Loader(const TensorSource& source, const WeightNames& names, Backend& backend, Dtype dtype)
      : source_(source), names_(names), backend_(backend), dtype_(dtype) {}

  Model load(const ModelConfig& config, const ModelTensors& tensors) {
    Model model;
    model.config = config;
    model.path = source_.source();
    model.config.weights = type_ = choose_weight_type(dtype_, stored_types(tensors), backend_);
    const std::vector<float> embedding = parameter(*tensors.token_embedding);
    model.token_embedding = to_device(embedding);
    load_output(tensors, embedding, model);
    load_positions(tensors, model);
    for (const LayerTensors& layer : tensors.layers) {
      model.layers.push_back({norm(layer.attention_norm), linear(layer.qkv), linear(layer.attention_out),
                              norm(layer.ffn_norm), linear(layer.ffn_in), linear(layer.ffn_out)});
    }
    model.output_norm = norm(tensors.output_norm);
    model.parameter_count = parameter_count_;
    model.weight_bytes = weight_bytes_;
    model.quantised = quantised_;
    return model;
  }

 private:
  /// Types of all weights of products.
  static std::vector<TensorType> stored_types(const ModelTensors& tensors) {
    std::vector<TensorType> types{(tensors.output != nullptr ? tensors.output : tensors.token_embedding)->type};
    for (const LayerTensors& layer : tensors.layers) {
      for (const LinearTensors* linear : {&layer.qkv, &layer.attention_out, &layer.ffn_in, &layer.ffn_out}) {
        for (const TensorInfo* part : linear->weights) types.push_back(part->type);
      }
    }
    return types;
  }

  void load_output(const ModelTensors& tensors, const std::vector<float>& embedding, Model& model) {
    ModelConfig& config = model.config;
    if (config.output == OutputKind::kAsStored) {
      config.output = tensors.output != nullptr ? OutputKind::kSeparate : OutputKind::kTied;
    }
    if (config.output == OutputKind::kSeparate) {
      model.output = weight({config.vocab_size, config.d_model, {tensors.output}, {}}, false);
      return;
    }
    if (tensors.output != nullptr && !same_bytes(read(*tensors.output), embedding)) {
      throw Exception(ErrorCode::kUnsupported,
                      fmt::format("{}: {} differs from {}, but its config says that they are tied", source_.source(),
                                  tensors.output->name, tensors.token_embedding->name));
    }
    const std::int64_t counted = parameter_count_;
    model.output = weight({config.vocab_size, config.d_model, {tensors.token_embedding}, {}}, false);
    parameter_count_ = counted;
  }

  void load_positions(const ModelTensors& tensors, Model& model) {
    const ModelConfig& config = model.config;
    switch (config.position_encoding) {
      case PositionEncoding::kLearned:
        model.position_table = to_device(parameter(*tensors.positions));
        break;
      case PositionEncoding::kSinusoidal:
        model.position_table = to_device(tensors.positions != nullptr ? read(*tensors.positions)
                                                                      : sinusoidal_positions(config, source_.source()));
        break;
      case PositionEncoding::kRotary:
        model.rotary_angles = to_device(rotary_angles(config, rotary_factors(tensors), source_.source()));
        break;
    }
  }

  std::vector<float> rotary_factors(const ModelTensors& tensors) {
    if (tensors.rotary_factors == nullptr) return {};
    std::vector<float> factors = read(*tensors.rotary_factors);
    for (const float factor : factors) {
      if (!(factor > 0 && std::isfinite(factor))) {
        throw Exception(ErrorCode::kBadFormat, fmt::format("{}: {}: a factor is {}; allowed: finite, above 0",
                                                           source_.source(), tensors.rotary_factors->name, factor));
      }
    }
    return factors;
  }

  NormLayer norm(const NormTensors& tensors) {
    NormLayer layer;
    layer.weight = to_device(parameter(*tensors.weight));
    if (tensors.bias != nullptr) layer.bias = to_device(parameter(*tensors.bias));
    return layer;
  }

  LinearLayer linear(const LinearTensors& tensors) {
    std::vector<float> bias;
    for (const TensorInfo* part : tensors.biases) append(*part, bias);
    LinearLayer layer;
    for (const LinearTensors& run : runs_of_one_type(tensors)) {
      layer.weights.push_back(weight(run, names_.transposed));
    }
    layer.bias = to_device(bias);
    return layer;
  }

  /// The parts, joined where neighbours are blocks of one type, or are no blocks.
  std::vector<LinearTensors> runs_of_one_type(const LinearTensors& tensors) const {
    const auto type = [&](const TensorInfo& part) {
      const bool stays = type_ == FloatType::kFloat32 && !names_.transposed;
      return stays ? quantized_type(part.type) : std::nullopt;
    };
    std::vector<LinearTensors> runs;
    for (const TensorInfo* part : tensors.weights) {
      if (runs.empty() || type(*runs.back().weights.front()) != type(*part)) runs.push_back({0, tensors.in, {}, {}});
      runs.back().weights.push_back(part);
      runs.back().out += static_cast<std::int32_t>(*element_count(part->shape) / tensors.in);
    }
    return runs;
  }

  /// The one place where a file's matrices become a backend's weight. Blocks stay as they are. Precondition: the matrices are
  /// all of one quantised type, or none is quantised or all are transposed.
  std::unique_ptr<LinearWeight> weight(const LinearTensors& tensors, bool transposed) {
    const auto blocks = quantized_type(tensors.weights.front()->type);
    if (blocks && !transposed && type_ == FloatType::kFloat32) return quantized(tensors, *blocks);
    std::vector<float> values;
    values.reserve(static_cast<std::size_t>(tensors.out) * static_cast<std::size_t>(tensors.in));
    for (const TensorInfo* part : tensors.weights) {
      if (transposed) {
        append_transposed(parameter(*part), static_cast<std::size_t>(tensors.in), values);
      } else {
        append(*part, values);
      }
    }
    if (type_ == FloatType::kFloat32) return counted(backend_.make_linear(values, tensors.out, tensors.in));
    const std::string name = fmt::format("{}: {}", source_.source(), tensors.weights.front()->name);
    return counted(backend_.make_linear({type_, rounded(values, type_, name), tensors.out, tensors.in}));
  }

  std::unique_ptr<LinearWeight> counted(std::unique_ptr<LinearWeight> weight) {
    weight_bytes_ += weight->bytes();
    return weight;
  }

  std::unique_ptr<LinearWeight> quantized(const LinearTensors& tensors, QuantizedType type) {
    std::vector<std::byte> joined;
    std::span<const std::byte> blocks = source_.bytes(*tensors.weights.front());
    if (tensors.weights.size() > 1) {
      for (const TensorInfo* part : tensors.weights) {
        const std::span<const std::byte> bytes = source_.bytes(*part);
        joined.insert(joined.end(), bytes.begin(), bytes.end());
      }
      blocks = joined;
    }
    parameter_count_ += std::int64_t{tensors.out} * tensors.in;
    quantised_ = quantised_ || !backend_.has_half_products();  // others expand them
    return counted(backend_.make_linear({type, blocks, tensors.out, tensors.in}));
  }

  /// matrix: [in, out]
  static void append_transposed(const std::vector<float>& matrix, std::size_t in, std::vector<float>& values) {
    const std::size_t out = matrix.size() / in;
    for (std::size_t o = 0; o < out; ++o) {
      for (std::size_t i = 0; i < in; ++i) values.push_back(matrix[i * out + o]);
    }
  }

  void append(const TensorInfo& tensor, std::vector<float>& values) {
    const std::size_t begin = values.size();
    values.resize(begin + elements(tensor));
    source_.read(tensor, std::span(values).subspan(begin));
    parameter_count_ += static_cast<std::int64_t>(values.size() - begin);
  }
  std::vector<float> parameter(const TensorInfo& tensor) {
    std::vector<float> values;
    append(tensor, values);
    return values;
  }
  std::vector<float> read(const TensorInfo& tensor) {
    std::vector<float> values(elements(tensor));
    source_.read(tensor, values);
    return values;
  }
  DeviceArray<float> to_device(const std::vector<float>& values) {
    if (values.empty()) return {};
    weight_bytes_ += static_cast<std::int64_t>(values.size() * sizeof(float));
    DeviceArray<float> array(backend_, values.size());
    array.upload(values);
    return array;
  }

  const TensorSource& source_;
  const WeightNames& names_;
  Backend& backend_;
  Dtype dtype_;
  FloatType type_ = FloatType::kFloat32;
  bool quantised_ = false;
  std::int64_t parameter_count_ = 0, weight_bytes_ = 0;
};

}  // namespace

Model load_model(const TensorSource& source, const ModelConfig& config, const WeightNames& names, Backend& backend,
                 Dtype dtype) {
  return Loader(source, names, backend, dtype).load(config, map_weights(source, config, names));
}

}  // namespace fllm
