// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>

#include "cuda/kernels/finish_panel.h"
#include "cuda/kernels/quantized_formats.h"
#include "cuda/launch/launch_shape.h"

namespace fllm {

/// out = epilogue(x W^T) for a block of one thread, W in blocks of Format, x in integers of 15 bits (QuantizeRows).
///
/// Grid: one block per (panel of 16 columns, group of 32 rows), panel-major, which owns that part of `out`. A panel's
/// weights stay in cache for all its rows; a tile of rows unpacks each of them once.
/// Bytes: the weights once per group of rows, x once per panel, out once. One row is bound by the weights: a vector of them
/// costs fewer cycles than its way from memory.
/// Determinism: products are summed as integers below 2^27, exactly, then rounded to binary32 (weights of up to 5 bits need no
/// rounding). Every output is one chain of fma32 from +0, for each 32 elements in ascending order: minimum * scaled_sum, if
/// the format has minima; then, for each scale of the weight among them, integer * (scale of the weight * scale of x). Then
/// the epilogue. Tiles, rows beside it, threads and
/// instruction set decide nothing.
/// Scales that are infinite or NaN make the output infinite or NaN.
template <class Format>
struct QuantizedProduct {
  using Params = QuantizedProductParams;
  using Panel = QuantizedPanel<Format>;
  struct Shared {
    alignas(64) float sums[kQuantizedGroupRows][kQuantizedPanelColumns];
  };

  static LaunchShape shape(const Params& p) { return {panel_count(p) * group_count(p), 32, 0}; }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared& shared, const Params& p) const {
    static_assert(C::kWarpWidth == 1);
    using Isa = typename C::InstructionSet;
    const std::int32_t groups = group_count(p);
    const std::int32_t panel = cta.block_index() / groups;
    const std::int32_t first_row = cta.block_index() % groups * kQuantizedGroupRows;
    const std::int32_t left = p.out.rows - first_row, count = left < kQuantizedGroupRows ? left : kQuantizedGroupRows;
    for (std::int32_t done = 0; done < count;) {
      done += rows<Isa, Isa::kByteRows>(p, panel, p.x.row(first_row + done), count - done, shared.sums[done]);
    }
    FinishPanel<Isa>::run(p, panel * kQuantizedPanelColumns, first_row, first_row + count, shared.sums);
  }

 private:
  FLLM_HOST_DEVICE static std::int32_t panel_count(const Params& p) {
    return (p.out.cols + kQuantizedPanelColumns - 1) / kQuantizedPanelColumns;
  }
  FLLM_HOST_DEVICE static std::int32_t group_count(const Params& p) {
    return (p.out.rows + kQuantizedGroupRows - 1) / kQuantizedGroupRows;
  }

  /// The largest tile of at most kRows rows, a power of two, that `count` rows fill; how many those are.
  template <class Isa, std::int32_t kRows>
  FLLM_DEVICE static std::int32_t rows(const Params& p, std::int32_t panel, const RowBlock* x, std::int32_t count,
                                       float* sums) {
    if constexpr (kRows > 1) {
      if (count < kRows) return rows<Isa, kRows / 2>(p, panel, x, count, sums);
    }
    const std::int32_t blocks = p.x.cols * kRowBlockElements / Format::kElements;
    const std::byte* data = p.panels + std::int64_t{panel} * Panel::bytes(blocks);
    for (std::int32_t lane = 0; lane < kQuantizedPanelColumns; lane += Isa::Bytes::kLanes) {
      tile<Isa, kRows>({reinterpret_cast<const std::uint16_t*>(data) + lane,
                        reinterpret_cast<const std::uint32_t*>(data + Panel::words_offset(blocks)) + lane},
                       blocks, x, p.x.stride, sums + lane);
    }
    return kRows;
  }

  /// Vectors of the panel's columns, for kRows rows. block: the first one.
  template <class Isa, std::int32_t kRows>
  FLLM_DEVICE_LARGE static void tile(PackedBlock<typename Isa::Bytes> block, std::int32_t blocks, const RowBlock* x,
                                     std::int64_t stride, float* sums) {
    using L = typename Isa::Bytes;
    typename L::Floats sum[kRows];
#pragma GCC unroll 8
    for (std::int32_t r = 0; r < kRows; ++r) sum[r] = typename L::Floats{};
    for (std::int32_t b = 0; b < blocks; ++b) {
#pragma GCC unroll 1
      for (std::int32_t j = 0; j < Format::kElements / kRowBlockElements; ++j, ++x) {
        prefetch(block, j);
        add_block<L, kRows>(block, j, x, stride, sum);
      }
      block.halves += Panel::kBlockHalves;
      block.words += Panel::kBlockWords;
    }
    for (std::int32_t r = 0; r < kRows; ++r) std::memcpy(sums + r * kQuantizedPanelColumns, &sum[r], sizeof sum[r]);
  }

  /// Asks for the j-th part of what is read kAhead bytes from here: one row of the batch is bound by the way from memory.
  template <class L>
  FLLM_DEVICE static void prefetch(const PackedBlock<L>& block, std::int32_t j) {
    constexpr std::int32_t kParts = Format::kElements / kRowBlockElements,
                           kLines = (Format::kWords + kParts - 1) / kParts;
    constexpr std::int32_t kAhead = 4096;
#pragma GCC unroll 8
    for (std::int32_t i = 0; i < kLines; ++i) {
      __builtin_prefetch(reinterpret_cast<const char*>(block.words) + 64 * (j * kLines + i) + kAhead);
    }
  }

  /// The j-th 32 elements of a block. x: of the first row.
  template <class L, std::int32_t kRows>
  FLLM_DEVICE static void add_block(const PackedBlock<L>& block, std::int32_t j, const RowBlock* x, std::int64_t stride,
                                    typename L::Floats (&sum)[kRows]) {
    if constexpr (Format::kMinimum) {
      const typename L::Floats minimum = Format::minimum(block, j);
#pragma GCC unroll 8
      for (std::int32_t r = 0; r < kRows; ++r) sum[r] = L::fma(minimum, L::spread(x[r * stride].scaled_sum), sum[r]);
    }
    constexpr std::int32_t kSteps = Format::kScaled / 4;
#pragma GCC unroll 2
    for (std::int32_t s = 0; s < kRowBlockElements / Format::kScaled; ++s) {
      typename L::template Dot<Format::kMost> high[kRows], low[kRows];
#pragma GCC unroll 8
      for (std::int32_t r = 0; r < kRows; ++r) {
        high[r].begin(x[r * stride].high_start[s]);
        low[r].begin(x[r * stride].low_start[s]);
      }
#pragma GCC unroll 8
      for (std::int32_t g = s * kSteps; g < (s + 1) * kSteps; ++g) {
        const typename L::Words weight = Format::unpack(block, j, g);
#pragma GCC unroll 8
        for (std::int32_t r = 0; r < kRows; ++r) {
          high[r].add(weight, L::broadcast(x[r * stride].high + 4 * g));
          low[r].add(weight, L::broadcast(x[r * stride].low + 4 * g));
        }
      }
      const typename L::Floats scale = Format::scale(block, j, s);
#pragma GCC unroll 8
      for (std::int32_t r = 0; r < kRows; ++r) {
        const typename L::Floats products = L::to_floats(high[r].total() * 128 + low[r].total());
        sum[r] = L::fma(products, scale * L::spread(x[r * stride].scale), sum[r]);
      }
    }
  }
};

}  // namespace fllm
