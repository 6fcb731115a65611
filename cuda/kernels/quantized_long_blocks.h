// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/quantized_panel.h"

// Formats with blocks of 256 elements, as quantized_short_blocks.h says.
namespace fllm {

/// 64 elements share 32 bytes: low halves are the first 32.
struct BlockQ4_K {
  static constexpr QuantizedType kType = QuantizedType::kQ4_K;
  static constexpr std::int32_t kElements = 256, kBytes = 144, kHalves = 2, kWords = 35, kScaled = 32, kMost = 15,
                                kBias = 0;
  static constexpr bool kMinimum = true;

  static constexpr std::int32_t half_byte(std::int32_t index) { return 2 * index; }
  static constexpr std::int32_t word_byte(std::int32_t index) { return 4 + 4 * index; }
  static constexpr std::uint32_t repack(std::int32_t, std::uint32_t word) { return word; }

  template <class L>
  FLLM_DEVICE static typename L::Words unpack(const PackedBlock<L>& block, std::int32_t j, std::int32_t g) {
    return (block.word(3 + j / 2 * 8 + g) >> (j % 2 * 4)) & 0x0f0f0f0fu;
  }
  template <class L>
  FLLM_DEVICE static typename L::Floats scale(const PackedBlock<L>& block, std::int32_t j, std::int32_t) {
    return block.half(0) * six_bits(block, j, 0);
  }
  template <class L>
  FLLM_DEVICE static typename L::Floats minimum(const PackedBlock<L>& block, std::int32_t j) {
    return -(block.half(1) * six_bits(block, j, 1));
  }

 private:
  template <class L>
  FLLM_DEVICE static typename L::Floats to_floats(typename L::Words small) {
    return L::to_floats((typename L::Ints)(small));
  }
  /// Scale (which = 0) or minimum (1) j: the low six bits of byte j of its word, or four bits of the third word and the two
  /// left over in byte j - 4.
  template <class L>
  FLLM_DEVICE static typename L::Floats six_bits(const PackedBlock<L>& block, std::int32_t j, std::int32_t which) {
    const typename L::Words own = block.word(which) >> (j % 4 * 8);
    if (j < 4) return to_floats<L>(own & 63u);
    const typename L::Words low = (block.word(2) >> (j % 4 * 8 + 4 * which)) & 15u;
    return to_floats<L>(low | ((own >> 2) & 0x30u));
  }
};

/// 128 elements share 64 bytes of low bits, low halves the first 64, and 32 bytes of high bits, 32 elements to a pair of bits.
struct BlockQ6_K {
  static constexpr QuantizedType kType = QuantizedType::kQ6_K;
  static constexpr std::int32_t kElements = 256, kBytes = 210, kHalves = 1, kWords = 52, kScaled = 16, kMost = 63,
                                kBias = 32;
  static constexpr bool kMinimum = false;

  static constexpr std::int32_t half_byte(std::int32_t) { return 208; }
  static constexpr std::int32_t word_byte(std::int32_t index) { return 4 * index; }
  static constexpr std::uint32_t repack(std::int32_t, std::uint32_t word) { return word; }

  template <class L>
  FLLM_DEVICE static typename L::Words unpack(const PackedBlock<L>& block, std::int32_t j, std::int32_t g) {
    const typename L::Words low = block.word(j / 4 * 16 + j % 2 * 8 + g) >> (j / 2 % 2 * 4);
    const typename L::Words high = block.word(32 + j / 4 * 8 + g) >> (j % 4 * 2);
    return (low & 0x0f0f0f0fu) | ((high & 0x03030303u) << 4);
  }
  template <class L>
  FLLM_DEVICE static typename L::Floats scale(const PackedBlock<L>& block, std::int32_t j, std::int32_t s) {
    const std::int32_t index = 2 * j + s;
    const typename L::Words byte = block.word(48 + index / 4) << (24 - index % 4 * 8);
    return block.half(0) * L::to_floats((typename L::Ints)(byte) >> 24);
  }
};

}  // namespace fllm
