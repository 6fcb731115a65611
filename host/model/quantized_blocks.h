// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "cuda/kernels/quantized_params.h"
#include "host/model/tensor_source.h"

namespace fllm {

/// The backend's name for a type of blocks; empty: of single elements.
[[nodiscard]] std::optional<QuantizedType> quantized_type(TensorType type);

/// Stored elements as fp32: blocks as by expand_blocks, F64 rounded to nearest.
/// Precondition: out.size() elements are whole blocks of the type, and bytes holds just those.
void expand_to_float(TensorType type, std::span<const std::byte> bytes, std::span<float> out);

}  // namespace fllm
