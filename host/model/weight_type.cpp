// SPDX-License-Identifier: Apache-2.0
#include "host/model/weight_type.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "cuda/portable/round16.h"
#include "fundamentallm/result.h"
#include "host/model/tensor_type.h"

namespace fllm {

Dtype dtype_of(std::string_view word) {
  if (word == "auto") return Dtype::kAuto;
  if (word == "fp32") return Dtype::kFloat32;
  if (word == "fp16") return Dtype::kFloat16;
  if (word == "bf16") return Dtype::kBFloat16;
  throw Exception(ErrorCode::kInvalidArgument, fmt::format("dtype is \"{}\"; allowed: auto, fp32, fp16, bf16", word));
}

std::string_view name_of(FloatType type) {
  switch (type) {
    case FloatType::kFloat16:
      return "fp16";
    case FloatType::kBFloat16:
      return "bf16";
    case FloatType::kFloat32:
      break;
  }
  return "fp32";
}

FloatType choose_weight_type(Dtype asked, std::span<const TensorType> stored, const Backend& backend) {
  const auto any = [&](auto&& test) { return std::any_of(stored.begin(), stored.end(), test); };
  const bool halves = backend.has_half_products();
  switch (asked) {
    case Dtype::kFloat32:
      return FloatType::kFloat32;
    case Dtype::kFloat16:
    case Dtype::kBFloat16:
      if (!halves) {
        throw Exception(
            ErrorCode::kUnsupported,
            fmt::format(
                "dtype is \"{}\", but {} multiplies weights of 32 bits and the blocks of quantised files; allowed "
                "there: auto, fp32 (the same)",
                asked == Dtype::kFloat16 ? "fp16" : "bf16", backend.description()));
      }
      return asked == Dtype::kFloat16 ? FloatType::kFloat16 : FloatType::kBFloat16;
    case Dtype::kAuto:
      break;
  }
  const bool quantised = any([](TensorType type) { return facts_of(type).elements > 1; });
  const bool wide = any([](TensorType type) { return type == TensorType::kF32 || type == TensorType::kF64; });
  if (!halves || (wide && !quantised)) return FloatType::kFloat32;
  return any([](TensorType type) { return type == TensorType::kBF16; }) ? FloatType::kBFloat16 : FloatType::kFloat16;
}

std::vector<std::uint16_t> rounded(std::span<const float> values, FloatType type, const std::string& tensor) {
  std::vector<std::uint16_t> halves;
  halves.reserve(values.size());
  for (const float value : values) {
    const bool brain = type == FloatType::kBFloat16;
    const auto bits =
        brain ? static_cast<std::uint16_t>(to_bfloat16(value)) : static_cast<std::uint16_t>(to_half(value));
    const bool infinite = (bits & 0x7fffu) == (brain ? 0x7f80u : 0x7c00u);
    if (infinite && std::isfinite(value)) {
      throw Exception(ErrorCode::kUnsupported, fmt::format("{}: {} is beyond the range of {}; dtype can be {}", tensor,
                                                           value, name_of(type), brain ? "fp32" : "bf16 or fp32"));
    }
    halves.push_back(bits);
  }
  return halves;
}

}  // namespace fllm
