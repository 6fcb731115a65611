// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/quantized_panel.h"

// What the product must know of a block format. Weight = scale * (q - kBias) + minimum, q in [0, kMost].
//   kElements, kBytes   of a block
//   kHalves, half_byte  its 16-bit parts, and where the file has them
//   kWords, word_byte   its 32-bit parts, likewise
//   repack              a 32-bit part as the panel holds it
//   kScaled             consecutive weights with one scale: 32 or 16
//   unpack              bytes 4 g .. 4 g + 3 of q of each output, in the j-th 32 weights of the block
//   scale, minimum      of the j-th 32 weights (the s-th kScaled of them); exact
// L: lanes, as cuda/backend/lanes.h has them.
namespace fllm {

/// Two values in a byte: low halves are the first 16 elements, high halves the others. kHighBits: a fifth bit of each.
template <QuantizedType kFormat, bool kHighBits, bool kHasMinimum>
struct ShortBlock {
  static constexpr QuantizedType kType = kFormat;
  static constexpr std::int32_t kElements = quantized_block(kFormat).elements, kBytes = quantized_block(kFormat).bytes;
  static constexpr std::int32_t kHalves = kHasMinimum ? 2 : 1;
  static constexpr std::int32_t kWords = kHighBits ? 5 : 4;
  static constexpr std::int32_t kScaled = 32;
  static constexpr std::int32_t kMost = kHighBits ? 31 : 15;
  static constexpr std::int32_t kBias = kHasMinimum ? 0 : (kMost + 1) / 2;
  static constexpr bool kMinimum = kHasMinimum;

  static constexpr std::int32_t half_byte(std::int32_t index) { return 2 * index; }
  static constexpr std::int32_t word_byte(std::int32_t index) { return 2 * kHalves + 4 * index; }
  /// Bit 4 g + i of the high bits belongs to byte i of group g: to bit 8 i + g.
  static constexpr std::uint32_t repack(std::int32_t index, std::uint32_t word) {
    if (!kHighBits || index > 0) return word;
    std::uint32_t spread = 0;
    for (std::uint32_t bit = 0; bit < 32; ++bit) spread |= (word >> bit & 1u) << (8 * (bit % 4) + bit / 4);
    return spread;
  }

  template <class L>
  FLLM_DEVICE static typename L::Words unpack(const PackedBlock<L>& block, std::int32_t, std::int32_t g) {
    const typename L::Words low = (block.word(kWords - 4 + g % 4) >> (g / 4 * 4)) & 0x0f0f0f0fu;
    if constexpr (!kHighBits) return low;
    const typename L::Words high = block.word(0);
    return low | ((g < 4 ? high << (4 - g) : high >> (g - 4)) & 0x10101010u);
  }
  template <class L>
  FLLM_DEVICE static typename L::Floats scale(const PackedBlock<L>& block, std::int32_t, std::int32_t) {
    return block.half(0);
  }
  template <class L>
  FLLM_DEVICE static typename L::Floats minimum(const PackedBlock<L>& block, std::int32_t) {
    return block.half(1);
  }
};
using BlockQ4_0 = ShortBlock<QuantizedType::kQ4_0, false, false>;
using BlockQ4_1 = ShortBlock<QuantizedType::kQ4_1, false, true>;
using BlockQ5_0 = ShortBlock<QuantizedType::kQ5_0, true, false>;
using BlockQ5_1 = ShortBlock<QuantizedType::kQ5_1, true, true>;

struct BlockQ8_0 {
  static constexpr QuantizedType kType = QuantizedType::kQ8_0;
  static constexpr std::int32_t kElements = 32, kBytes = 34, kHalves = 1, kWords = 8, kScaled = 32, kMost = 255,
                                kBias = 128;
  static constexpr bool kMinimum = false;

  static constexpr std::int32_t half_byte(std::int32_t) { return 0; }
  static constexpr std::int32_t word_byte(std::int32_t index) { return 2 + 4 * index; }
  static constexpr std::uint32_t repack(std::int32_t, std::uint32_t word) { return word ^ 0x80808080u; }  // q + 128

  template <class L>
  FLLM_DEVICE static typename L::Words unpack(const PackedBlock<L>& block, std::int32_t, std::int32_t g) {
    return block.word(g);
  }
  template <class L>
  FLLM_DEVICE static typename L::Floats scale(const PackedBlock<L>& block, std::int32_t, std::int32_t) {
    return block.half(0);
  }
};

}  // namespace fllm
