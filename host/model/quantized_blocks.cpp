// SPDX-License-Identifier: Apache-2.0
#include "host/model/quantized_blocks.h"

#include <cstring>

#include "cuda/backend/backend.h"
#include "cuda/portable/numeric.h"
#include "host/model/tensor_type.h"

namespace fllm {
namespace {

template <class T>
T element_at(const std::byte* bytes, std::size_t index) {
  T value;
  std::memcpy(&value, bytes + index * sizeof(T), sizeof(T));
  return value;
}

}  // namespace

std::optional<QuantizedType> quantized_type(TensorType type) {
  switch (type) {
    case TensorType::kQ4_0:
      return QuantizedType::kQ4_0;
    case TensorType::kQ4_1:
      return QuantizedType::kQ4_1;
    case TensorType::kQ5_0:
      return QuantizedType::kQ5_0;
    case TensorType::kQ5_1:
      return QuantizedType::kQ5_1;
    case TensorType::kQ8_0:
      return QuantizedType::kQ8_0;
    case TensorType::kQ4_K:
      return QuantizedType::kQ4_K;
    case TensorType::kQ6_K:
      return QuantizedType::kQ6_K;
    default:
      return std::nullopt;
  }
}

void expand_to_float(TensorType type, std::span<const std::byte> bytes, std::span<float> out) {
  const std::byte* data = bytes.data();
  const std::size_t count = out.size();
  switch (type) {
    case TensorType::kF64:
      for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<float>(element_at<double>(data, i));
      return;
    case TensorType::kF32:
      if (count > 0) std::memcpy(out.data(), data, out.size_bytes());
      return;
    case TensorType::kF16:
      for (std::size_t i = 0; i < count; ++i) out[i] = to_float(element_at<Half>(data, i));
      return;
    case TensorType::kBF16:
      for (std::size_t i = 0; i < count; ++i) out[i] = to_float(element_at<BFloat16>(data, i));
      return;
    default:
      return expand_blocks(*quantized_type(type), bytes, out);
  }
}

}  // namespace fllm
