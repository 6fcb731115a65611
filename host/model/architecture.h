// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/kernels/model_params.h"

// What forward() needs to know of a model, as numbers and choices. An architecture is a set of them, not code of its own.
namespace fllm {

enum class Architecture : std::uint8_t { kFundamentallm, kLlama, kQwen2, kGpt2 };
[[nodiscard]] const char* architecture_name(Architecture architecture);  // "llama"

enum class NormKind : std::uint8_t {
  kRms,    // root mean square, a weight
  kLayer,  // mean and variance, a weight and a bias
};

enum class PositionEncoding : std::uint8_t {
  kLearned,     // a table, added to the token embedding
  kSinusoidal,  // a computed table, added likewise
  kRotary,      // pairs of elements of queries and keys are turned
};
[[nodiscard]] const char* position_encoding_name(PositionEncoding encoding);  // "learned"

enum class FfnKind : std::uint8_t {
  kGelu,      // out(gelu(in(x))), the exact erf form
  kGeluTanh,  // the same with the tanh approximation
  kSwiGlu,    // out(silu(gate(x)) * up(x))
};

enum class LinearBiases : std::uint8_t { kNone, kQkv, kAll };  // of the layers' products; the output has none

enum class OutputKind : std::uint8_t {
  kTied,      // the token embedding
  kSeparate,  // a matrix of its own
  kAsStored,  // separate when the file has one: never in a loaded model
};

enum class RotaryScaling : std::uint8_t { kNone, kLinear, kLlama3 };

/// Angle of pair i at position t: t * frequency(i), frequency(i) = base^(-2 i / dimensions), then scaled.
struct RotaryConfig {
  double base = 10000;          // [1, 1e12]
  std::int32_t dimensions = 0;  // of each head that are turned, even, [2, head_dim]
  RopePairing pairing = RopePairing::kHalves;
  RotaryScaling scaling = RotaryScaling::kNone;
  double factor = 1;                  // kLinear, kLlama3: low frequencies are divided by it
  double low_frequency_factor = 1;    // kLlama3: waves longer than original_context / this are low
  double high_frequency_factor = 4;   // kLlama3: waves shorter than original_context / this stay as they are
  std::int32_t original_context = 0;  // kLlama3
};

/// Shape of a model; every field is checked when it is read.
struct ModelConfig {
  Architecture architecture = Architecture::kFundamentallm;  // for names and messages
  std::int32_t vocab_size = 0;                               // > 0
  std::int32_t d_model = 0;
  std::int32_t num_heads = 0;     // of queries
  std::int32_t num_kv_heads = 0;  // divides num_heads
  std::int32_t head_dim = 0;
  std::int32_t num_layers = 0;
  std::int32_t ffn_width = 0;
  std::int32_t sequence_length = 0;  // context
  NormKind norm = NormKind::kRms;
  float norm_epsilon = 1e-6f;
  PositionEncoding position_encoding = PositionEncoding::kLearned;
  RotaryConfig rotary;  // of kRotary
  FfnKind ffn = FfnKind::kGelu;
  LinearBiases biases = LinearBiases::kAll;
  OutputKind output = OutputKind::kTied;
  FloatType weights = FloatType::kFloat32;  // of the products, as they were loaded

  [[nodiscard]] std::int32_t query_width() const { return num_heads * head_dim; }
  [[nodiscard]] std::int32_t kv_width() const { return num_kv_heads * head_dim; }
  [[nodiscard]] std::int32_t qkv_width() const { return query_width() + 2 * kv_width(); }
  /// Outputs of a feed-forward layer's first product.
  [[nodiscard]] std::int32_t ffn_in_width() const { return ffn == FfnKind::kSwiGlu ? 2 * ffn_width : ffn_width; }
};

}  // namespace fllm
