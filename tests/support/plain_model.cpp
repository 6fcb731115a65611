// SPDX-License-Identifier: Apache-2.0
#include "tests/support/plain_model.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tests/support/device_rows.h"

namespace fllm::test {
namespace {

using Vector = std::vector<double>;

/// Random matrices, each from a seed of its own.
class Weights {
 public:
  /// Values of a variance of 1 / cols.
  PlainMatrix matrix(std::int64_t rows, std::int64_t cols) {
    PlainMatrix matrix{rows, cols, random_floats(static_cast<std::size_t>(rows * cols), ++seed_)};
    const float scale = 0.87f / std::sqrt(static_cast<float>(cols));  // random_floats' own deviation is 1.15
    for (float& value : matrix.values) value *= scale;
    return matrix;
  }
  /// Around a value.
  PlainMatrix vector(std::int64_t count, float middle) {
    PlainMatrix vector{1, count, random_floats(static_cast<std::size_t>(count), ++seed_)};
    for (float& value : vector.values) value = middle + 0.2f * value;
    return vector;
  }

 private:
  std::uint32_t seed_ = 100;
};

Vector product(const PlainMatrix& matrix, const PlainMatrix& bias, const Vector& x) {
  Vector y;
  for (std::int64_t r = 0; r < matrix.rows; ++r) {
    double sum = bias.values.empty() ? 0.0 : bias.values[static_cast<std::size_t>(r)];
    for (std::int64_t c = 0; c < matrix.cols; ++c) {
      sum += double{matrix.values[static_cast<std::size_t>(r * matrix.cols + c)]} * x[static_cast<std::size_t>(c)];
    }
    y.push_back(sum);
  }
  return y;
}

Vector normalised(const ModelConfig& config, const Vector& x, const PlainMatrix& weight, const PlainMatrix& bias) {
  const auto width = static_cast<double>(x.size());
  double mean = 0, squares = 0;
  if (config.norm == NormKind::kLayer) {
    for (const double value : x) mean += value / width;
  }
  for (const double value : x) squares += (value - mean) * (value - mean) / width;
  Vector y;
  for (std::size_t c = 0; c < x.size(); ++c) {
    const double value = (x[c] - mean) / std::sqrt(squares + double{config.norm_epsilon}) * weight.values[c];
    y.push_back(value + (bias.values.empty() ? 0.0 : double{bias.values[c]}));
  }
  return y;
}

/// Element i of a head's first half goes with element i of what follows it, as complex numbers times e^(i angle).
void rotate(const PlainModel& model, Vector& heads, std::size_t position) {
  const auto dim = static_cast<std::size_t>(model.config.head_dim);
  const std::size_t pairs = model.rotary_frequencies.size();
  for (std::size_t first = 0; first < heads.size(); first += dim) {
    for (std::size_t i = 0; i < pairs; ++i) {
      const double angle = static_cast<double>(position) * model.rotary_frequencies[i];
      const double real = heads[first + i], imaginary = heads[first + pairs + i];
      heads[first + i] = real * std::cos(angle) - imaginary * std::sin(angle);
      heads[first + pairs + i] = real * std::sin(angle) + imaginary * std::cos(angle);
    }
  }
}

double activation(FfnKind kind, double x) {
  switch (kind) {
    case FfnKind::kGelu:
      return 0.5 * x * (1 + std::erf(x / std::numbers::sqrt2));
    case FfnKind::kGeluTanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
    case FfnKind::kSwiGlu:
      return x / (1 + std::exp(-x));
  }
  return x;
}

Vector feed_forward(const ModelConfig& config, const PlainLayer& layer, const Vector& x) {
  Vector inner = product(layer.up, layer.up_bias, x);
  if (config.ffn == FfnKind::kSwiGlu) {
    const Vector gate = product(layer.gate, {}, x);
    for (std::size_t i = 0; i < inner.size(); ++i) inner[i] *= activation(config.ffn, gate[i]);
  } else {
    for (double& value : inner) value = activation(config.ffn, value);
  }
  return product(layer.down, layer.down_bias, inner);
}

/// One query vector over all keys and values so far.
Vector attended(const ModelConfig& config, const Vector& query, const std::vector<Vector>& keys,
                const std::vector<Vector>& values) {
  const auto dim = static_cast<std::size_t>(config.head_dim);
  const auto group = static_cast<std::size_t>(config.num_heads / config.num_kv_heads);
  Vector out;
  for (std::size_t head = 0; head < static_cast<std::size_t>(config.num_heads); ++head) {
    const std::size_t shared = head / group * dim;
    Vector weights;
    double sum = 0;
    for (const Vector& key : keys) {
      double score = 0;
      for (std::size_t c = 0; c < dim; ++c) score += query[head * dim + c] * key[shared + c];
      weights.push_back(std::exp(score / std::sqrt(static_cast<double>(dim))));
      sum += weights.back();
    }
    for (std::size_t c = 0; c < dim; ++c) {
      double total = 0;
      for (std::size_t t = 0; t < values.size(); ++t) total += weights[t] / sum * values[t][shared + c];
      out.push_back(total);
    }
  }
  return out;
}

void add(Vector& x, const Vector& y) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];
}

Vector row_of(const PlainMatrix& matrix, std::int64_t row) {
  const auto begin = matrix.values.begin() + row * matrix.cols;
  return {begin, begin + matrix.cols};
}

/// The frequencies as Llama 3.1's own code has them, or plain ones.
std::vector<double> frequencies(const RotaryConfig& rotary) {
  std::vector<double> result;
  for (int i = 0; i < rotary.dimensions; i += 2) {
    double f = 1 / std::pow(rotary.base, static_cast<double>(i) / rotary.dimensions);
    if (rotary.scaling == RotaryScaling::kLinear) f /= rotary.factor;
    if (rotary.scaling == RotaryScaling::kLlama3) {
      const double wavelength = 2 * std::numbers::pi / f;
      const double low = rotary.original_context / rotary.low_frequency_factor;
      const double high = rotary.original_context / rotary.high_frequency_factor;
      if (wavelength > low) {
        f /= rotary.factor;
      } else if (wavelength >= high) {
        const double smooth = (rotary.original_context / wavelength - rotary.low_frequency_factor) /
                              (rotary.high_frequency_factor - rotary.low_frequency_factor);
        f = (1 - smooth) * f / rotary.factor + smooth * f;
      }
    }
    result.push_back(f);
  }
  return result;
}

}  // namespace

PlainModel random_model(const ModelConfig& config) {
  Weights random;
  const std::int64_t width = config.d_model, ffn = config.ffn_width;
  const bool all = config.biases == LinearBiases::kAll, qkv = config.biases != LinearBiases::kNone;
  const bool layer_norm = config.norm == NormKind::kLayer;
  const auto bias = [&](bool there, std::int64_t count) { return there ? random.vector(count, 0) : PlainMatrix{}; };
  PlainModel model;
  model.config = config;
  model.token_embedding = random.matrix(config.vocab_size, width);
  for (float& value : model.token_embedding.values) value *= 4;
  if (config.position_encoding == PositionEncoding::kLearned) {
    model.positions = random.matrix(config.sequence_length, width);
  } else {
    model.rotary_frequencies = frequencies(config.rotary);
  }
  for (std::int32_t i = 0; i < config.num_layers; ++i) {
    PlainLayer layer;
    layer.attention_norm = random.vector(width, 1);
    layer.attention_norm_bias = bias(layer_norm, width);
    layer.query = random.matrix(config.query_width(), width);
    layer.query_bias = bias(qkv, config.query_width());
    layer.key = random.matrix(config.kv_width(), width);
    layer.key_bias = bias(qkv, config.kv_width());
    layer.value = random.matrix(config.kv_width(), width);
    layer.value_bias = bias(qkv, config.kv_width());
    layer.attention_out = random.matrix(width, config.query_width());
    layer.attention_out_bias = bias(all, width);
    layer.ffn_norm = random.vector(width, 1);
    layer.ffn_norm_bias = bias(layer_norm, width);
    if (config.ffn == FfnKind::kSwiGlu) layer.gate = random.matrix(ffn, width);
    layer.up = random.matrix(ffn, width);
    layer.up_bias = bias(all, ffn);
    layer.down = random.matrix(width, ffn);
    layer.down_bias = bias(all, width);
    model.layers.push_back(std::move(layer));
  }
  model.output_norm = random.vector(width, 1);
  model.output_norm_bias = bias(layer_norm, width);
  if (config.output == OutputKind::kSeparate) model.output = random.matrix(config.vocab_size, width);
  return model;
}

std::vector<std::vector<double>> plain_logits(const PlainModel& model, const std::vector<std::int32_t>& tokens) {
  const ModelConfig& config = model.config;
  std::vector<std::vector<Vector>> keys(model.layers.size()), values(model.layers.size());
  std::vector<Vector> logits;
  for (std::size_t position = 0; position < tokens.size(); ++position) {
    Vector hidden = row_of(model.token_embedding, tokens[position]);
    if (!model.positions.values.empty()) add(hidden, row_of(model.positions, static_cast<std::int64_t>(position)));
    for (std::size_t i = 0; i < model.layers.size(); ++i) {
      const PlainLayer& layer = model.layers[i];
      Vector x = normalised(config, hidden, layer.attention_norm, layer.attention_norm_bias);
      Vector query = product(layer.query, layer.query_bias, x), key = product(layer.key, layer.key_bias, x);
      rotate(model, query, position);
      rotate(model, key, position);
      keys[i].push_back(key);
      values[i].push_back(product(layer.value, layer.value_bias, x));
      add(hidden, product(layer.attention_out, layer.attention_out_bias, attended(config, query, keys[i], values[i])));
      x = normalised(config, hidden, layer.ffn_norm, layer.ffn_norm_bias);
      add(hidden, feed_forward(config, layer, x));
    }
    const Vector last = normalised(config, hidden, model.output_norm, model.output_norm_bias);
    logits.push_back(product(model.output.values.empty() ? model.token_embedding : model.output, {}, last));
  }
  return logits;
}

}  // namespace fllm::test
