// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/model_params.h"
#include "cuda/portable/round16.h"

namespace fllm {

/// Calls write(put) with put(column, value), which stores an element of a row: as it is into `out`, or rounded to 16 bits into
/// `half`, where that is given. The choice is made once, outside the loops of write.
template <class Write>
FLLM_DEVICE void write_row(const RowView<float>& out, const HalfRows& half, std::int32_t row, const Write& write) {
  if (half.data == nullptr) {
    float* to = out.row(row);
    write([to](std::int32_t column, float value) { to[column] = value; });
    return;
  }
  std::uint16_t* to = half.data + row * half.stride;
  if (half.type == FloatType::kBFloat16) {
    write([to](std::int32_t column, float value) { to[column] = static_cast<std::uint16_t>(to_bfloat16(value)); });
  } else {
    write([to](std::int32_t column, float value) { to[column] = static_cast<std::uint16_t>(to_half(value)); });
  }
}

}  // namespace fllm
