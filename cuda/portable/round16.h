// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/portable/numeric.h"

// Binary32 to 16 bits: to nearest, ties to even, the same bits on every target.
namespace fllm {

/// Beyond the range: infinity. NaN stays NaN. Branch-free, so that a loop vectorises.
FLLM_HOST_DEVICE BFloat16 to_bfloat16(float value) {
  const std::uint32_t bits = bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const std::uint32_t quiet = (bits >> 16) | 0x40u;
  return static_cast<BFloat16>(value == value ? rounded : quiet);
}

/// From 65,520 on: infinity. NaN stays NaN.
FLLM_HOST_DEVICE Half to_half(float value) {
#if defined(__CUDA_ARCH__)
  std::uint16_t rounded;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(rounded) : "f"(value));
  return static_cast<Half>(rounded);
#else
  const std::uint32_t bits = bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
  // Normal: the exponent's bias is 112 less; a carry out of the significand raises it, past the largest to infinity.
  const std::uint32_t normal = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  // Subnormal: adding 0.5 leaves multiples of 2^-24 in the low bits, rounded by the addition.
  const std::uint32_t subnormal = bit_cast<std::uint32_t>(bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  const std::uint32_t large = magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u;
  const std::uint32_t finite = magnitude < 0x38800000u ? subnormal : normal;
  return static_cast<Half>(sign | (magnitude >= 0x47800000u ? large : finite));
#endif
}

}  // namespace fllm
