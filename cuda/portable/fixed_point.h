// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/portable/numeric.h"

// Probability mass as integers: sums do not depend on their order, so neither threads, splits nor devices change a draw.
namespace fllm {

/// Mass in units of 2^-40 of the most likely token's. At most 2^20 of them are added, so 61 bits suffice.
using Mass = unsigned long long;  // the type CUDA adds atomically
constexpr int kMassBits = 40;
constexpr Mass kFullMass = Mass{1} << kMassBits;

/// floor(e * 2^40) for e in (0, 1], from the bits alone: a conversion would not vectorise on a CPU.
FLLM_HOST_DEVICE Mass mass_of_weight(float e) {
  const std::uint32_t bits = bit_cast<std::uint32_t>(e);
  const std::uint32_t mantissa = (bits & 0x7fffffu) | 0x800000u;
  const std::uint32_t shift = 127u - (bits >> 23);
  return (static_cast<Mass>(mantissa) << 17) >> (shift < 63u ? shift : 63u);
}

/// Mass of an edited logit: floor(2^40 exp2((l - m) s)); zero below 2^-40, for -inf and for NaN.
struct MassFunction {
  float maximum = 0;  // m
  float scale = 0;    // s
  float least = in_register(-41.0f);
  Exp2Shared exp2{};

  [[nodiscard]] FLLM_HOST_DEVICE Mass operator()(float logit) const {
    const float x = max32((logit - maximum) * scale, least);  // NaN too; 2^-41 has no mass
#if defined(__CUDA_ARCH__)
    return static_cast<Mass>(exp2.scaled<kMassBits>(x));  // truncates
#else
    return mass_of_weight(exp2.scaled<0>(x));
#endif
  }
};

/// s of the mass: log2(e) / T in binary32, bounded so that 0 * s stays 0. T > 0.
FLLM_HOST_DEVICE float mass_scale(float temperature) {
  const float scale = 0x1.715476p+0f / temperature;
  return scale < 0x1.fffffep127f ? scale : 0x1.fffffep127f;
}

/// High 64 bits of a * b.
FLLM_HOST_DEVICE std::uint64_t multiply_high(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t a_low = a & 0xffffffffu, a_high = a >> 32, b_low = b & 0xffffffffu, b_high = b >> 32;
  const std::uint64_t middle = a_high * b_low + ((a_low * b_low) >> 32);
  const std::uint64_t low_carry = (middle & 0xffffffffu) + a_low * b_high;
  return a_high * b_high + (middle >> 32) + (low_carry >> 32);
}

/// ceil(p * m / 2^32), at least 1: the mass a top-p prefix must reach. p32 is p in units of 2^-32.
FLLM_HOST_DEVICE Mass top_p_target(std::uint32_t p32, Mass mass) {
  const std::uint64_t low = p32 * (mass & 0xffffffffu) + 0xffffffffu;  // < 2^64
  const Mass target = p32 * (mass >> 32) + (low >> 32);
  return target > 0 ? target : 1;
}

/// ln(mass / 2^40) and differences of it need one logarithm on every target: ln(x) for a positive integer, within 2e-7
/// absolute of the true value plus the rounding of the result.
/// mass > 0.
FLLM_HOST_DEVICE float log_mass(Mass mass) {
  const float value = static_cast<float>(mass);  // round to nearest on both targets
  const std::uint32_t bits = bit_cast<std::uint32_t>(value);
  // Mantissa in [sqrt(1/2), sqrt(2)), so that the series below converges fast and ln(2^40) has no fraction.
  const std::uint32_t offset = bits - 0x3f3504f3u;
  const std::int32_t exponent = static_cast<std::int32_t>(offset) >> 23;
  const float f = bit_cast<float>((offset & 0x7fffffu) + 0x3f3504f3u) - 1.0f;
  // ln(1 + f) = 2 atanh(z), z = f / (2 + f): odd series in z, |z| <= 0.172.
  const float z = f / (2.0f + f);
  const float w = z * z;
  float series = 0x1.c71c72p-4f;              // 1/9
  series = fma32(series, w, 0x1.24924ap-3f);  // 1/7
  series = fma32(series, w, 0x1.99999ap-3f);  // 1/5
  series = fma32(series, w, 0x1.555556p-2f);  // 1/3
  const float two_z = z + z;
  const float tail = two_z * w * series;
  const float n = static_cast<float>(exponent - kMassBits);
  return fma32(n, 0x1.62e430p-1f, two_z + (tail + n * -0x1.05c610p-29f));
}

}  // namespace fllm
