// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/portable/annotations.h"

namespace fllm {

/// Rows of equal length somewhere in a device's memory; does not own them. stride counts elements, not bytes.
template <class T>
struct RowView {
  T* data = nullptr;
  std::int32_t rows = 0;
  std::int32_t cols = 0;
  std::int64_t stride = 0;

  [[nodiscard]] FLLM_HOST_DEVICE T* row(std::int64_t index) const { return data + index * stride; }
};

}  // namespace fllm
