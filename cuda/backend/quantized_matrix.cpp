// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/quantized_matrix.h"

#include <string>

#include "fundamentallm/result.h"

namespace fllm {

void check_quantized_matrix(const QuantizedMatrix& weight) {
  const QuantizedBlock block = quantized_block(weight.type);
  if (block.elements == 0) {
    throw Exception(ErrorCode::kInvalidArgument,
                    "quantised type " + std::to_string(static_cast<int>(weight.type)) + "; allowed: 0 to 6");
  }
  const auto needed = static_cast<std::uint64_t>(std::int64_t{weight.out} * (weight.in / block.elements) * block.bytes);
  if (weight.out < 1 || weight.in < 1 || weight.in % block.elements != 0 || weight.blocks.size() != needed) {
    throw Exception(ErrorCode::kInvalidArgument,
                    "quantised weight of " + std::to_string(weight.blocks.size()) + " bytes for shape [" +
                        std::to_string(weight.out) + ", " + std::to_string(weight.in) +
                        "]; allowed: out >= 1, in a multiple of " + std::to_string(block.elements) + ", " +
                        std::to_string(block.bytes) + " bytes for each " + std::to_string(block.elements) +
                        " elements of a row");
  }
}

std::vector<float> expand_quantized(const QuantizedMatrix& weight) {
  check_quantized_matrix(weight);
  std::vector<float> values(static_cast<std::size_t>(weight.out) * static_cast<std::size_t>(weight.in));
  expand_blocks(weight.type, weight.blocks, values);
  return values;
}

}  // namespace fllm
