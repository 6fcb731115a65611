// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/epilogue.h"
#include "cuda/kernels/quantized_params.h"

namespace fllm {

/// The epilogue of one panel of a group of rows. sums: [rows] of the panel's columns.
template <class Isa>
struct FinishPanel {
  using Sums = float[kQuantizedGroupRows][kQuantizedPanelColumns];

  FLLM_DEVICE_LARGE static void run(const QuantizedProductParams& p, std::int32_t column, std::int32_t first_row,
                                    std::int32_t end_row, const Sums& sums) {
    switch (p.epilogue) {
      case Epilogue::kBias:
        return store<Epilogue::kBias>(p, column, first_row, end_row, sums);
      case Epilogue::kBiasGelu:
        return store<Epilogue::kBiasGelu>(p, column, first_row, end_row, sums);
      case Epilogue::kBiasResidual:
        return store<Epilogue::kBiasResidual>(p, column, first_row, end_row, sums);
      case Epilogue::kBiasGeluTanh:
        return store<Epilogue::kBiasGeluTanh>(p, column, first_row, end_row, sums);
    }
  }

 private:
  template <Epilogue kKind>
  FLLM_DEVICE static void store(const QuantizedProductParams& p, std::int32_t column, std::int32_t first_row,
                                std::int32_t end_row, const Sums& sums) {
    const std::int32_t left = p.out.cols - column;
    const std::int32_t count = left < kQuantizedPanelColumns ? left : kQuantizedPanelColumns;
    const float* bias = p.bias != nullptr ? p.bias + column : nullptr;
    for (std::int32_t row = first_row; row < end_row; ++row) {
      float* out = p.out.row(row) + column;
      const float(&sum)[kQuantizedPanelColumns] = sums[row - first_row];
      for (std::int32_t c = 0; c < count; ++c) out[c] = finish<kKind>(sum[c], bias != nullptr ? bias[c] : 0.0f, out[c]);
    }
  }
};

}  // namespace fllm
