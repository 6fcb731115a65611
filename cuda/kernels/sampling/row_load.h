// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/chunk_loader.h"

// Step 1 of sampling, and the allow mask: raw logits to values in shared memory, each read once.
namespace fllm::sampling {

/// Loads a chunk where a lane is alone: loops of 32 ids, which become vector instructions. kMasked: with an allow mask.
template <bool kMasked, Cta C, class LogitT>
FLLM_DEVICE bool load_chunk_alone(const Row<C, kRowIds<C, LogitT>>& row, std::int32_t chunk, const LogitT* logits,
                                  const std::uint32_t* mask) {
  const std::int32_t first = chunk * row.layout.chunk_width, last = first + row.layout.chunk_width;
  std::int32_t nan_count = 0;
  for (std::int32_t base = first; base < last; base += 32) {
    const std::uint32_t allowed = kMasked ? mask[base / 32] : ~0u;
    float* values = row.values + base;
    if (base + 32 <= row.vocab) {
      for (std::int32_t j = 0; j < 32; ++j) {
        const float raw = to_float(logits[base + j]);
        nan_count += raw == raw ? 0 : 1;
        values[j] = !kMasked || ((allowed >> j) & 1u) != 0 ? sanitised(raw) : -infinity32();
      }
    } else {  // the row ends in this group
      for (std::int32_t j = 0; j < 32; ++j) {
        const float raw = base + j < row.vocab ? to_float(logits[base + j]) : -infinity32();
        nan_count += raw == raw ? 0 : 1;
        values[j] = ((allowed >> j) & 1u) != 0 ? sanitised(raw) : -infinity32();
      }
    }
  }
  row.parts[chunk] = largest_of(row.values + first, row.layout.chunk_width);
  return nan_count > 0;
}

/// Loads this block's slice: values and, without a mask, the maxima of parts, which the block's next barrier publishes. True in every lane of a warp
/// that met a NaN.
template <Cta C, class LogitT>
FLLM_DEVICE bool load_slice(const C& cta, const Row<C, kRowIds<C, LogitT>>& row, const LogitT* logits,
                            const std::uint32_t* mask) {
  bool has_nan = false;
  for (std::int32_t chunk = cta.warp(); chunk < row.layout.chunks; chunk += cta.warp_count()) {
    if constexpr (C::kWarpWidth > 1) {
      has_nan = (mask != nullptr ? ChunkLoader<C, LogitT, true>(cta, row, logits, mask).load(chunk)
                                 : ChunkLoader<C, LogitT, false>(cta, row, logits, mask).load(chunk)) ||
                has_nan;
    } else {
      has_nan = (mask != nullptr ? load_chunk_alone<true>(row, chunk, logits, mask)
                                 : load_chunk_alone<false>(row, chunk, logits, mask)) ||
                has_nan;
    }
  }
  return cta.ballot(has_nan) != 0;
}

}  // namespace fllm::sampling
