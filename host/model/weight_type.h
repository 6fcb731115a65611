// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cuda/backend/backend.h"
#include "host/model/tensor_source.h"

namespace fllm {

/// What the weights of products are kept in: --dtype.
enum class Dtype : std::uint8_t {
  kAuto,  // what the file has, where the backend multiplies that
  kFloat32,
  kFloat16,
  kBFloat16,
};

/// auto, fp32, fp16 or bf16. Exception(kInvalidArgument) for any other word.
[[nodiscard]] Dtype dtype_of(std::string_view word);
[[nodiscard]] std::string_view name_of(FloatType type);  // "fp16"

/// The type for a model whose products have weights of these types. kAuto, where the backend multiplies weights of 16 bits:
/// fp32 when any are of 32 bits and none quantised; bf16 when any are; else fp16. A backend that does not, keeps fp32, or a
/// file's blocks as they are. Exception(kUnsupported) when fp16 or bf16 is asked of it.
[[nodiscard]] FloatType choose_weight_type(Dtype asked, std::span<const TensorType> stored, const Backend& backend);

/// values in 16 bits, each rounded once to the nearest, ties to even. Exception(kUnsupported) naming the tensor and the
/// value when a finite one has no finite counterpart.
[[nodiscard]] std::vector<std::uint16_t> rounded(std::span<const float> values, FloatType type,
                                                 const std::string& tensor);

}  // namespace fllm
