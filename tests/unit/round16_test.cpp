// SPDX-License-Identifier: Apache-2.0
#include "cuda/portable/round16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace fllm {
namespace {

/// Every number of a format comes back; what lies between two goes to the nearer, halfway to the even one.
template <class Number, class Round>
void check_every_number(std::uint32_t infinity, const Round& round) {
  const auto bits = [&](float value) { return static_cast<std::uint32_t>(round(value)); };
  const auto number = [](std::uint32_t word) { return to_float(static_cast<Number>(word)); };
  for (std::uint32_t word = 0; word < infinity; ++word) {
    const float value = number(word);
    ASSERT_EQ(bits(value), word);
    ASSERT_EQ(bits(-value), word | 0x8000u);
    // Past the largest number the next one would be where infinity is.
    const double next = word + 1 < infinity ? double{number(word + 1)} : 2 * double{value} - double{number(word - 1)};
    const auto middle = static_cast<float>((double{value} + next) / 2);  // exact: a format has fewer bits
    const std::uint32_t even = word % 2 == 0 ? word : word + 1;
    ASSERT_EQ(bits(middle), even) << word;
    ASSERT_EQ(bits(std::nextafter(middle, 0.0f)), word);
    ASSERT_EQ(bits(std::nextafter(middle, std::numeric_limits<float>::infinity())), word + 1);
  }
  EXPECT_EQ(bits(std::numeric_limits<float>::infinity()), infinity);
  EXPECT_EQ(bits(-std::numeric_limits<float>::infinity()), infinity | 0x8000u);
  EXPECT_EQ(bits(std::numeric_limits<float>::max()), infinity);
  for (const std::uint32_t pattern : {0x7fc00000u, 0x7f800001u, 0x7fffffffu, 0xffc00000u, 0xff800001u}) {
    EXPECT_TRUE(std::isnan(number(bits(bit_cast<float>(pattern))))) << pattern;
  }
}

TEST(Round16, EveryHalf) {
  check_every_number<Half>(0x7c00, [](float value) { return to_half(value); });
}
TEST(Round16, EveryBFloat16) {
  check_every_number<BFloat16>(0x7f80, [](float value) { return to_bfloat16(value); });
}

}  // namespace
}  // namespace fllm
