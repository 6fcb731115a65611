// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/epilogue.h"
#include "cuda/kernels/model_params.h"
#include "cuda/launch/launch_shape.h"
#include "cuda/portable/numeric.h"

namespace fllm {

constexpr std::int32_t kPanelColumns = 64;

struct PanelProductParams {
  RowView<const float> x;  // [rows, in]
  const float* panels =
      nullptr;                  // [ceil(out / 64), in, 64]: panel[k][c] = W[64 * panel + c][k], 0 past the last column
  const float* bias = nullptr;  // [out] or null
  Epilogue epilogue = Epilogue::kBias;
  RowView<float> out;  // [rows, out]
};

/// out = epilogue(x W^T) for a block of one thread: the matrix product of the CPU.
///
/// Grid: one block per (panel of 64 columns, group of 24 rows), panel-major, which owns that part of `out`. A panel's
/// weights stay in cache for all its rows.
/// Bytes: weights once per group of rows, x once per panel, out once.
/// Determinism: every element is one chain of fma32 over k ascending, from +0; then the epilogue. Tiles, rows beside it,
/// threads and instruction set decide nothing. The tile is what fits the registers: loops over it have constant bounds,
/// which the compiler turns into vector instructions with no array left.
struct PanelProduct {
  using Params = PanelProductParams;
  struct Shared {};
  static constexpr std::int32_t kGroupRows = 24;

  static LaunchShape shape(const Params& p) { return {panel_count(p) * group_count(p), 32, 0}; }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared&, const Params& p) const {
    static_assert(C::kWarpWidth == 1);
    using Isa = typename C::InstructionSet;
    const std::int32_t groups = group_count(p);
    const std::int32_t panel = cta.block_index() / groups;
    const std::int32_t first_row = cta.block_index() % groups * kGroupRows;
    const std::int32_t end_row = first_row + kGroupRows < p.out.rows ? first_row + kGroupRows : p.out.rows;
    for (std::int32_t row = first_row; row < end_row; row += Isa::kTileRows) {
      rows<Isa, Isa::kTileRows>(p, panel, row, end_row - row);
    }
  }

 private:
  FLLM_HOST_DEVICE static std::int32_t panel_count(const Params& p) {
    return (p.out.cols + kPanelColumns - 1) / kPanelColumns;
  }
  FLLM_HOST_DEVICE static std::int32_t group_count(const Params& p) {
    return (p.out.rows + kGroupRows - 1) / kGroupRows;
  }

  /// Columns of a tile of kRows rows: 64 when the registers hold them, else 32. Loops of 16 and less are unrolled by the
  /// compiler before it looks for vectors, and then stay scalar.
  template <class Isa>
  static constexpr std::int32_t tile_columns(std::int32_t row_count) {
    return kPanelColumns * row_count <= Isa::kTileFloats ? kPanelColumns : kPanelColumns / 2;
  }

  template <class Isa, std::int32_t kRows>
  FLLM_DEVICE static void rows(const Params& p, std::int32_t panel, std::int32_t row, std::int32_t count) {
    if (count >= kRows) {
      constexpr std::int32_t kColumns = tile_columns<Isa>(kRows);
      for (std::int32_t c = 0; c < kPanelColumns; c += kColumns) tile<kRows, kColumns>(p, panel, row, c);
    } else if constexpr (kRows > 1) {
      rows<Isa, kRows - 1>(p, panel, row, count);
    }
  }

  template <std::int32_t kRows, std::int32_t kColumns>
  FLLM_DEVICE static void tile(const Params& p, std::int32_t panel, std::int32_t row, std::int32_t panel_column) {
    const std::int32_t column = panel * kPanelColumns + panel_column;
    if (column >= p.out.cols) return;
    const float* x = p.x.row(row);
    const float* weight = p.panels + std::int64_t{panel} * p.x.cols * kPanelColumns + panel_column;
    float sum[kRows][kColumns];
    for (std::int32_t r = 0; r < kRows; ++r) {
      for (std::int32_t c = 0; c < kColumns; ++c) sum[r][c] = 0;
    }
    for (std::int32_t k = 0; k < p.x.cols; ++k, weight += kPanelColumns) {
      for (std::int32_t r = 0; r < kRows; ++r) {
        const float value = x[r * p.x.stride + k];
        for (std::int32_t c = 0; c < kColumns; ++c) sum[r][c] = fma32(value, weight[c], sum[r][c]);
      }
    }
    const std::int32_t count = p.out.cols - column < kColumns ? p.out.cols - column : kColumns;
    for (std::int32_t r = 0; r < kRows; ++r) {
      float* out = p.out.row(row + r) + column;
      const float* bias = p.bias != nullptr ? p.bias + column : nullptr;
      switch (p.epilogue) {
        case Epilogue::kBias:
          store<Epilogue::kBias, kColumns>(sum[r], bias, count, out);
          break;
        case Epilogue::kBiasGelu:
          store<Epilogue::kBiasGelu, kColumns>(sum[r], bias, count, out);
          break;
        case Epilogue::kBiasResidual:
          store<Epilogue::kBiasResidual, kColumns>(sum[r], bias, count, out);
          break;
        case Epilogue::kBiasGeluTanh:
          store<Epilogue::kBiasGeluTanh, kColumns>(sum[r], bias, count, out);
          break;
      }
    }
  }

  template <Epilogue kKind, std::int32_t kColumns>
  FLLM_DEVICE static void store(const float (&sum)[kColumns], const float* bias, std::int32_t count, float* out) {
    for (std::int32_t c = 0; c < count; ++c) out[c] = finish<kKind>(sum[c], bias != nullptr ? bias[c] : 0.0f, out[c]);
  }
};

}  // namespace fllm
