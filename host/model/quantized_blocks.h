// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "host/model/tensor_source.h"

namespace fllm {

/// Stored elements as fp32, exactly as GGML's reference code makes them (dequantize_row_* in ggml/src/ggml-quants.c):
/// every product and sum is rounded to fp32, none is fused. F64 is rounded to nearest.
/// Precondition: out.size() elements are whole blocks of the type, and bytes holds just those.
void expand_to_float(TensorType type, std::span<const std::byte> bytes, std::span<float> out);

}  // namespace fllm
