// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda/kernels/quantized_params.h"
#include "cuda/portable/annotations.h"

namespace fllm {

/// Weights of 16 outputs as the product reads them: the bytes of their blocks, the 16-bit and the 32-bit parts apart, the
/// 16 outputs beside each other, so that a vector register holds the same part of as many outputs as it has lanes.
///   [blocks][Format::kHalves][16] 16-bit parts, padded to 64 bytes
///   [blocks][Format::kWords][16] 32-bit parts
template <class Format>
struct QuantizedPanel {
  static constexpr std::int64_t kBlockHalves = std::int64_t{Format::kHalves} * kQuantizedPanelColumns;
  static constexpr std::int64_t kBlockWords = std::int64_t{Format::kWords} * kQuantizedPanelColumns;

  /// Of the words.
  FLLM_HOST_DEVICE static std::int64_t words_offset(std::int64_t blocks) {
    return (blocks * kBlockHalves * 2 + 63) / 64 * 64;
  }
  FLLM_HOST_DEVICE static std::int64_t bytes(std::int64_t blocks) {
    return words_offset(blocks) + blocks * kBlockWords * 4;
  }
};

/// One block of as many outputs as L has lanes.
template <class L>
struct PackedBlock {
  const std::uint16_t* halves;
  const std::uint32_t* words;

  [[nodiscard]] FLLM_DEVICE typename L::Floats half(std::int32_t index) const {
    return L::halves(halves + index * kQuantizedPanelColumns);
  }
  [[nodiscard]] FLLM_DEVICE typename L::Words word(std::int32_t index) const {
    return L::load(words + index * kQuantizedPanelColumns);
  }
};

}  // namespace fllm
