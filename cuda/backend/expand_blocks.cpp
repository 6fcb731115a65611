// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdint>

#include "cuda/backend/backend.h"
#include "cuda/backend/pack_panel.h"
#include "cuda/portable/numeric.h"

namespace fllm {
namespace {

float half_at(const std::byte* bytes) { return to_float(load_part<Half>(bytes)); }

/// A block's bytes are copied before they are used: as std::byte they could be what is written to, and no loop over them
/// would be vectorised.
template <std::size_t kCount>
using Bytes = std::array<std::uint8_t, kCount>;

int low_nibble(std::uint8_t value) { return value & 15; }
int high_nibble(std::uint8_t value) { return value >> 4; }

// Types of 32 elements: the low nibbles are the first 16, the high ones the last 16; the fifth bits of Q5 are a word's.

void expand_q4_0(const std::byte* block, float* out) {
  const float scale = half_at(block);
  const auto nibbles = load_part<Bytes<16>>(block + 2);
  for (int i = 0; i < 16; ++i) {
    out[i] = static_cast<float>(low_nibble(nibbles[i]) - 8) * scale;
    out[i + 16] = static_cast<float>(high_nibble(nibbles[i]) - 8) * scale;
  }
}

void expand_q4_1(const std::byte* block, float* out) {
  const float scale = half_at(block), least = half_at(block + 2);
  const auto nibbles = load_part<Bytes<16>>(block + 4);
  for (int i = 0; i < 16; ++i) {
    out[i] = static_cast<float>(low_nibble(nibbles[i])) * scale + least;
    out[i + 16] = static_cast<float>(high_nibble(nibbles[i])) * scale + least;
  }
}

void expand_q5_0(const std::byte* block, float* out) {
  const float scale = half_at(block);
  const auto fifth = load_part<std::uint32_t>(block + 2);
  const auto nibbles = load_part<Bytes<16>>(block + 6);
  for (int i = 0; i < 16; ++i) {
    const int low = low_nibble(nibbles[i]) | static_cast<int>((fifth >> i & 1) << 4);
    const int high = high_nibble(nibbles[i]) | static_cast<int>((fifth >> (i + 16) & 1) << 4);
    out[i] = static_cast<float>(low - 16) * scale;
    out[i + 16] = static_cast<float>(high - 16) * scale;
  }
}

void expand_q5_1(const std::byte* block, float* out) {
  const float scale = half_at(block), least = half_at(block + 2);
  const auto fifth = load_part<std::uint32_t>(block + 4);
  const auto nibbles = load_part<Bytes<16>>(block + 8);
  for (int i = 0; i < 16; ++i) {
    const int low = low_nibble(nibbles[i]) | static_cast<int>((fifth >> i & 1) << 4);
    const int high = high_nibble(nibbles[i]) | static_cast<int>((fifth >> (i + 16) & 1) << 4);
    out[i] = static_cast<float>(low) * scale + least;
    out[i + 16] = static_cast<float>(high) * scale + least;
  }
}

void expand_q8_0(const std::byte* block, float* out) {
  const float scale = half_at(block);
  const auto values = load_part<std::array<std::int8_t, 32>>(block + 2);
  for (int i = 0; i < 32; ++i) out[i] = static_cast<float>(values[i]) * scale;
}

/// Scale and minimum of a sub-block of 32, 6 bits each, of eight: the last four have their upper two bits in the first
/// four's bytes.
struct SubBlock {
  int scale = 0, least = 0;
};
SubBlock q4_k_sub_block(const Bytes<12>& packed, int index) {
  const auto at = [&](int i) { return static_cast<int>(packed[i]); };
  if (index < 4) return {at(index) & 63, at(index + 4) & 63};
  return {(at(index + 4) & 15) | (at(index - 4) >> 6 << 4), at(index + 4) >> 4 | (at(index) >> 6 << 4)};
}

void expand_q4_k(const std::byte* block, float* out) {
  const float scale = half_at(block), least = half_at(block + 2);
  const auto scales = load_part<Bytes<12>>(block + 4);
  const auto nibbles = load_part<Bytes<128>>(block + 16);
  for (int pair = 0; pair < 4; ++pair) {  // 32 bytes hold two sub-blocks, one in either half of the bytes
    const SubBlock low = q4_k_sub_block(scales, 2 * pair), high = q4_k_sub_block(scales, 2 * pair + 1);
    const float low_scale = scale * static_cast<float>(low.scale), low_least = least * static_cast<float>(low.least);
    const float high_scale = scale * static_cast<float>(high.scale);
    const float high_least = least * static_cast<float>(high.least);
    for (int i = 0; i < 32; ++i) {
      out[64 * pair + i] = low_scale * static_cast<float>(low_nibble(nibbles[32 * pair + i])) - low_least;
      out[64 * pair + 32 + i] = high_scale * static_cast<float>(high_nibble(nibbles[32 * pair + i])) - high_least;
    }
  }
}

void expand_q6_k(const std::byte* block, float* out) {
  const float scale = half_at(block + 208);
  for (int half = 0; half < 2; ++half) {
    const auto low = load_part<Bytes<64>>(block + 64 * half);         // the low nibbles of 128 elements
    const auto high = load_part<Bytes<32>>(block + 128 + 32 * half);  // their upper two bits, four elements a byte
    const auto scales = load_part<std::array<std::int8_t, 8>>(block + 192 + 8 * half);  // one for 16 elements
    for (int quarter = 0; quarter < 4; ++quarter) {
      for (int i = 0; i < 32; ++i) {
        const std::uint8_t byte = low[32 * (quarter % 2) + i];
        const int nibble = quarter < 2 ? low_nibble(byte) : high_nibble(byte);
        const int value = nibble | (high[i] >> (2 * quarter) & 3) << 4;
        const float sub_scale = scale * static_cast<float>(scales[2 * quarter + i / 16]);
        out[128 * half + 32 * quarter + i] = sub_scale * static_cast<float>(value - 32);
      }
    }
  }
}

template <void (*kExpand)(const std::byte* block, float* out)>
void expand_each(QuantizedType type, std::span<const std::byte> blocks, std::span<float> out) {
  const QuantizedBlock size = quantized_block(type);
  const std::byte* block = blocks.data();
  for (std::size_t i = 0; i < out.size(); i += static_cast<std::size_t>(size.elements), block += size.bytes) {
    kExpand(block, &out[i]);
  }
}

}  // namespace

void expand_blocks(QuantizedType type, std::span<const std::byte> blocks, std::span<float> out) {
  switch (type) {
    case QuantizedType::kQ4_0:
      return expand_each<expand_q4_0>(type, blocks, out);
    case QuantizedType::kQ4_1:
      return expand_each<expand_q4_1>(type, blocks, out);
    case QuantizedType::kQ5_0:
      return expand_each<expand_q5_0>(type, blocks, out);
    case QuantizedType::kQ5_1:
      return expand_each<expand_q5_1>(type, blocks, out);
    case QuantizedType::kQ8_0:
      return expand_each<expand_q8_0>(type, blocks, out);
    case QuantizedType::kQ4_K:
      return expand_each<expand_q4_k>(type, blocks, out);
    case QuantizedType::kQ6_K:
      return expand_each<expand_q6_k>(type, blocks, out);
  }
}

}  // namespace fllm
