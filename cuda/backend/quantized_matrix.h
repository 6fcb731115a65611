// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cuda/backend/backend.h"

namespace fllm {

/// Exception(kInvalidArgument) when the type is unknown, or the blocks do not fit the shape.
void check_quantized_matrix(const QuantizedMatrix& weight);

/// The weights, [out, in], as expand_blocks makes them. Errors: those of the check.
[[nodiscard]] std::vector<float> expand_quantized(const QuantizedMatrix& weight);

}  // namespace fllm
