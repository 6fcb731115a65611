// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/quantized_long_blocks.h"
#include "cuda/kernels/quantized_short_blocks.h"

namespace fllm {

/// Calls visit with an object of the format's type. False, and no call, for a value that is no type.
template <class Visit>
bool visit_quantized_format(QuantizedType type, const Visit& visit) {
  switch (type) {
    case QuantizedType::kQ4_0:
      return visit(BlockQ4_0{}), true;
    case QuantizedType::kQ4_1:
      return visit(BlockQ4_1{}), true;
    case QuantizedType::kQ5_0:
      return visit(BlockQ5_0{}), true;
    case QuantizedType::kQ5_1:
      return visit(BlockQ5_1{}), true;
    case QuantizedType::kQ8_0:
      return visit(BlockQ8_0{}), true;
    case QuantizedType::kQ4_K:
      return visit(BlockQ4_K{}), true;
    case QuantizedType::kQ6_K:
      return visit(BlockQ6_K{}), true;
  }
  return false;
}

}  // namespace fllm
