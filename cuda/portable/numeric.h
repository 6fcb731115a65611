// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "cuda/portable/annotations.h"

// Arithmetic with one result on every target. Both compilers are told not to contract (-ffp-contract=off, -fmad=false);
// where a fused multiply-add is wanted it is written fma32.
namespace fllm {

/// 16-bit storage formats of logits and weights.
enum class Half : std::uint16_t {};      // IEEE binary16
enum class BFloat16 : std::uint16_t {};  // upper half of binary32

template <class To, class From>
FLLM_HOST_DEVICE To bit_cast(From value) {
  static_assert(sizeof(To) == sizeof(From));
  To result;
  std::memcpy(&result, &value, sizeof(To));
  return result;
}

/// a * b + c, rounded once.
FLLM_HOST_DEVICE float fma32(float a, float b, float c) {
#if defined(__x86_64__) && !defined(__FMA__) && !defined(__CUDACC__)
  // No instruction for it, and a call per element would keep loops from vectorising. The product is exact in binary64;
  // the sum is rounded to odd (Boldo and Melquiond, 2008), after which rounding to binary32 gives the correct result.
  const double product = static_cast<double>(a) * b, addend = c;
  const double sum = product + addend;
  const double part = sum - product;
  const double error = (product - (sum - part)) + (addend - part);
  const std::int64_t bits = bit_cast<std::int64_t>(sum);
  const std::int64_t step = (error > 0) == (sum > 0) ? 1 : -1;
  const bool inexact = error > 0 || error < 0;  // not for an infinite sum, whose error is NaN
  return static_cast<float>(bit_cast<double>(inexact && (bits & 1) == 0 ? bits + step : bits));
#else
  return __builtin_fmaf(a, b, c);
#endif
}

FLLM_HOST_DEVICE float sqrt32(float value) { return __builtin_sqrtf(value); }

FLLM_HOST_DEVICE float not_a_number32() { return bit_cast<float>(0x7fffffffu); }

FLLM_HOST_DEVICE float infinity32() { return __builtin_huge_valf(); }

FLLM_HOST_DEVICE float to_float(float value) { return value; }

FLLM_HOST_DEVICE float to_float(BFloat16 value) { return bit_cast<float>(static_cast<std::uint32_t>(value) << 16); }

/// Exact: every binary16 value, subnormals and NaN included, is a binary32 value. Branch-free, so that a loop vectorises.
FLLM_HOST_DEVICE float to_float(Half value) {
#if defined(__CUDA_ARCH__)
  float exact;
  asm("cvt.f32.f16 %0, %1;" : "=f"(exact) : "h"(static_cast<std::uint16_t>(value)));
  return exact;
#else
  const std::uint32_t bits = static_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits & 0x8000u) << 16;
  const std::uint32_t magnitude = bits & 0x7fffu;
  // Shifted into place the exponent is 112 too small; multiplying by 2^112 mends that and normalises subnormals.
  const float scaled = bit_cast<float>(magnitude << 13) * 0x1p112f;
  const std::uint32_t finite = bit_cast<std::uint32_t>(scaled);
  const std::uint32_t special = (magnitude << 13) | 0x7f800000u;  // infinity and NaN keep their payload
  return bit_cast<float>(sign | (magnitude >= 0x7c00u ? special : finite));
#endif
}

/// The larger one; NaN only when both are.
FLLM_HOST_DEVICE float max32(float a, float b) {
#if defined(__CUDA_ARCH__)
  return fmaxf(a, b);
#else
  return a > b || b != b ? a : b;
#endif
}

/// The larger one; NaN when either is.
FLLM_HOST_DEVICE float max_nan32(float a, float b) {
#if defined(__CUDA_ARCH__)
  float result;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(result) : "f"(a), "f"(b));
  return result;
#else
  return a > b || a != a ? a : b;
#endif
}

/// A constant that a device keeps in a register, for loops: there an operand that is a constant costs an instruction.
FLLM_HOST_DEVICE float in_register(float constant) {
#if defined(__CUDA_ARCH__)
  float held;
  asm("mov.f32 %0, %1;" : "=f"(held) : "f"(constant));
  return held;
#else
  return constant;
#endif
}

/// 2^x for x in [-126, 0]: result in (0, 1], exactly 1 at 0, within 1.22e-7 relative, never decreasing (checked over every
/// float of the range by tests/unit/numeric_test.cpp). Degree-6 minimax polynomial on [-0.5, 0.5]. The object is its
/// coefficients.
struct Exp2Shared {
  float c[6] = {in_register(0x1.41fbbcp-13f), in_register(0x1.5f3e54p-10f), in_register(0x1.3b2d4cp-7f),
                in_register(0x1.c6aee8p-5f),  in_register(0x1.ebfbdcp-3f),  in_register(0x1.62e430p-1f)};
  float one = in_register(1.0f);

  /// 2^x * 2^kBits, for the same x and kBits in [0, 127]: the same significant bits.
  template <std::int32_t kBits>
  [[nodiscard]] FLLM_HOST_DEVICE float scaled(float x) const {
    constexpr float kShift = 0x1.8p23f + 127 + kBits;
    const float shifted = x + kShift;  // rounds x to an integer, held in the low bits as the exponent of a float
    float f = x - (shifted - kShift);
    f = (f + 1.5f) - 1.5f;  // onto a grid of 2^-23: finer steps near 0 would let rounding errors break monotony
    float q = fma32(c[0], f, c[1]);
    q = fma32(q, f, c[2]);
    q = fma32(q, f, c[3]);
    q = fma32(q, f, c[4]);
    q = fma32(q, f, c[5]);
    return fma32(q, f, one) * bit_cast<float>(bit_cast<std::uint32_t>(shifted) << 23);
  }
};

FLLM_HOST_DEVICE float exp2_shared(float x) { return Exp2Shared{}.scaled<0>(x); }

/// Signed integers in the order of the floats (-inf lowest; -0 and +0 must be made equal before). Its own inverse in
/// from_ordered. NaN has no place in the order.
FLLM_HOST_DEVICE std::int32_t to_ordered(float value) {
  const std::int32_t bits = bit_cast<std::int32_t>(value);
  return bits ^ ((bits >> 31) & 0x7fffffff);
}
FLLM_HOST_DEVICE float from_ordered(std::int32_t key) { return bit_cast<float>(key ^ ((key >> 31) & 0x7fffffff)); }
constexpr std::int32_t kOrderedMinusInfinity = static_cast<std::int32_t>(0x807fffff);  // to_ordered(-inf)
constexpr std::int32_t kOrderedInfinity = 0x7f800000;                                  // to_ordered(+inf)

}  // namespace fllm
