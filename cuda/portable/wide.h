// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/portable/fixed_point.h"

namespace fllm {

/// An unsigned integer of 128 bits, for comparisons of products that must be exact.
struct Wide {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend FLLM_HOST_DEVICE bool operator<=(const Wide& a, const Wide& b) {
    return a.high != b.high ? a.high < b.high : a.low <= b.low;
  }
  /// Modulo 2^128.
  friend FLLM_HOST_DEVICE Wide operator+(const Wide& a, const Wide& b) {
    const std::uint64_t low = a.low + b.low;
    return {a.high + b.high + (low < a.low ? 1 : 0), low};
  }
  friend FLLM_HOST_DEVICE Wide operator-(const Wide& a, const Wide& b) {
    return {a.high - b.high - (a.low < b.low ? 1 : 0), a.low - b.low};
  }
  friend FLLM_HOST_DEVICE Wide operator*(const Wide& a, std::uint64_t b) {
    return {a.high * b + multiply_high(a.low, b), a.low * b};
  }
  /// bits in [1, 63].
  friend FLLM_HOST_DEVICE Wide operator<<(const Wide& a, int bits) {
    return {(a.high << bits) | (a.low >> (64 - bits)), a.low << bits};
  }
};

FLLM_HOST_DEVICE Wide product(std::uint64_t a, std::uint64_t b) {
#if defined(__CUDA_ARCH__)
  return {__umul64hi(a, b), a * b};
#else
  return {multiply_high(a, b), a * b};
#endif
}

/// floor(a * b / 2^64).
FLLM_HOST_DEVICE Wide multiply_high(std::uint64_t a, const Wide& b) {
  return product(a, b.high) + Wide{0, multiply_high(a, b.low)};
}

}  // namespace fllm
