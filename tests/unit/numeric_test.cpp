// SPDX-License-Identifier: Apache-2.0
#include "cuda/portable/numeric.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "cuda/portable/fixed_point.h"

namespace fllm {
namespace {

// How many floats lie between two that are tried: sanitized code learns nothing more from the others.
#if defined(FLLM_SANITIZED)
constexpr std::uint32_t kStep = 251;
#else
constexpr std::uint32_t kStep = 1;
#endif

// Every float in [-126, -2^-33] downwards; nearer to zero the result is exactly 1.
TEST(Exp2Shared, NeverDecreasesAndStaysClose) {
  float previous = 1.0f;
  std::uint32_t reversals = 0, out_of_range = 0;
  double worst = 0;
  const auto quarter = bit_cast<std::uint32_t>(-0.25f), three_halves = bit_cast<std::uint32_t>(-1.5f);
  for (std::uint32_t bits = 0xaf000000u; bits <= bit_cast<std::uint32_t>(-126.0f); bits += kStep) {
    const float e = exp2_shared(bit_cast<float>(bits));
    reversals += e > previous ? 1 : 0;
    out_of_range += e > 0.0f && e <= 1.0f ? 0 : 1;
    previous = e;
    // The error repeats with a period of 1: one is looked at closely, the others by every 256th float.
    const bool looked_at = (bits & 0xffu) == 0 || (bits >= quarter && bits <= three_halves);
    if (looked_at) worst = std::max(worst, std::fabs(e / std::exp2(double{bit_cast<float>(bits)}) - 1));
  }
  EXPECT_EQ(reversals, 0u);
  EXPECT_EQ(out_of_range, 0u);
  EXPECT_LT(worst, 1.22e-7);
  EXPECT_EQ(exp2_shared(0.0f), 1.0f);
}

TEST(Half, EveryValueConvertsExactly) {
  for (std::uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const float got = to_float(static_cast<Half>(bits));
    const int exponent = static_cast<int>((bits >> 10) & 31u);
    const double fraction = bits & 1023u;
    const double sign = (bits & 0x8000u) != 0 ? -1 : 1;
    if (exponent == 31) {
      EXPECT_EQ(std::isnan(got), fraction != 0) << bits;
      if (fraction == 0) {
        EXPECT_EQ(got, sign * std::numeric_limits<double>::infinity()) << bits;
      }
    } else {
      const double want =
          exponent == 0 ? sign * std::ldexp(fraction, -24) : sign * std::ldexp(1024 + fraction, exponent - 25);
      EXPECT_EQ(got, want) << bits;
      EXPECT_EQ(std::signbit(got), sign < 0) << bits;
    }
  }
}

TEST(Ordered, FollowsTheFloats) {
  const float values[] = {-INFINITY, -3e38f, -1.5f, -1e-45f, 0.0f, 1e-45f, 1.0f, 2.0f, 3e38f, INFINITY};
  for (std::size_t i = 1; i < std::size(values); ++i) EXPECT_LT(to_ordered(values[i - 1]), to_ordered(values[i]));
  for (const float value : values) EXPECT_EQ(from_ordered(to_ordered(value)), value);
  EXPECT_EQ(to_ordered(-INFINITY), kOrderedMinusInfinity);
  EXPECT_EQ(to_ordered(INFINITY), kOrderedInfinity);
}

TEST(Mass, IsTheFloorOfTheScaledWeight) {
  EXPECT_EQ(mass_of_weight(1.0f), kFullMass);
  EXPECT_EQ(mass_of_weight(0x1p-40f), 1u);
  EXPECT_EQ(mass_of_weight(0x1.fffffep-41f), 0u);
  EXPECT_EQ(mass_of_weight(0x1p-126f), 0u);
  for (float e = 1.0f; e > 1e-13f; e *= 0.99731f)
    EXPECT_EQ(mass_of_weight(e), static_cast<Mass>(std::floor(std::ldexp(double{e}, 40)))) << e;
  const auto mass_of = [](float logit, float maximum, float scale) { return MassFunction{maximum, scale}(logit); };
  const float scale = mass_scale(1.0f);
  EXPECT_EQ(mass_of(3.0f, 3.0f, scale), kFullMass);
  EXPECT_EQ(mass_of(-INFINITY, 3.0f, scale), 0u);
  EXPECT_EQ(mass_of(NAN, 3.0f, scale), 0u);
  EXPECT_EQ(mass_of(1.0f, 1.0f, mass_scale(1e-45f)), kFullMass);
  EXPECT_EQ(mass_of(0.5f, 1.0f, mass_scale(1e-45f)), 0u);
}

TEST(Mass, WideProductsMatchInt128) {
  const std::uint64_t values[] = {0,     1,         0xffffffffu,    0x100000000u, 0x123456789abcdefu,
                                  ~0ull, kFullMass, kFullMass << 20};
  for (const std::uint64_t a : values) {
    for (const std::uint64_t b : values) {
      EXPECT_EQ(multiply_high(a, b), static_cast<std::uint64_t>((static_cast<unsigned __int128>(a) * b) >> 64));
    }
  }
  for (const std::uint32_t p : {0u, 1u, 0x7fffffffu, 0x80000000u, 0xe6666666u, 0xffffffffu}) {
    for (const Mass mass : {Mass{1}, Mass{2}, kFullMass - 1, kFullMass, kFullMass * 3 + 17, kFullMass << 20}) {
      const unsigned __int128 product = static_cast<unsigned __int128>(p) * mass;
      const Mass ceiling = static_cast<Mass>((product + 0xffffffffu) >> 32);
      EXPECT_EQ(top_p_target(p, mass), ceiling > 0 ? ceiling : 1) << p << " " << mass;
    }
  }
}

// Tolerance: 2e-7 for the series and the two roundings of a result of magnitude up to 28, half an ulp each.
TEST(Mass, LogarithmIsClose) {
  for (double value = 1; value < 0x1p60; value *= 1.0371) {
    const Mass mass = static_cast<Mass>(value);
    const double want = std::log(static_cast<double>(mass)) - 40 * std::log(2.0);
    EXPECT_NEAR(log_mass(mass), want, 2e-7 + std::fabs(want) * 1.2e-7) << mass;
  }
  EXPECT_EQ(log_mass(kFullMass), 0.0f);
}

}  // namespace
}  // namespace fllm
