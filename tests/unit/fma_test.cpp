// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>

#include "cuda/portable/numeric.h"
#include "tests/support/fewer.h"

namespace fllm {
namespace {

void expect_fused(float a, float b, float c) {
  const float want = std::fma(a, b, c), got = fma32(a, b, c);
  if (std::isnan(want)) {
    ASSERT_TRUE(std::isnan(got)) << a << " * " << b << " + " << c;
  } else {
    ASSERT_EQ(std::bit_cast<std::uint32_t>(got), std::bit_cast<std::uint32_t>(want)) << a << " * " << b << " + " << c;
  }
}

// Where the target has no such instruction, fma32 is arithmetic of its own: every bit pattern is fair.
TEST(Fma, RandomBits) {
  std::mt19937 random(1);
  const auto any = [&] { return std::bit_cast<float>(static_cast<std::uint32_t>(random())); };
  for (int i = 0; i < 2'000'000 / test::kFewer; ++i) expect_fused(any(), any(), any());
}

// Sums near a tie of binary32, results that cancel, underflow and overflow.
TEST(Fma, NearTies) {
  std::mt19937 random(2);
  const auto bits = [&] { return static_cast<std::uint32_t>(random()); };
  const auto near_one = [&](std::uint32_t spread) {  // 2^-spread to 2^spread, often with few bits set
    const std::uint32_t exponent = 127u - spread + bits() % (2 * spread + 1);
    const std::uint32_t mantissa = bits() % 3 == 0 ? bits() & 0x7fffffu : (bits() & 7u) << (bits() % 21);
    return std::bit_cast<float>((bits() & 1u) << 31 | exponent << 23 | mantissa);
  };
  for (int i = 0; i < 2'000'000 / test::kFewer; ++i) {
    const float a = near_one(4), b = near_one(4);
    expect_fused(a, b, near_one(30));
    expect_fused(a, b, -(a * b));
    expect_fused(a * 0x1p-70f, b * 0x1p-70f, near_one(4) * 0x1p-126f);
    expect_fused(a * 0x1p62f, b * 0x1p62f, near_one(4) * 0x1p120f);
  }
}

}  // namespace
}  // namespace fllm
