// SPDX-License-Identifier: Apache-2.0
#include "cuda/portable/wide.h"

#include <gtest/gtest.h>

#include <random>

namespace fllm {
namespace {

using Native = unsigned __int128;

Native native(const Wide& a) { return (Native{a.high} << 64) | a.low; }

TEST(Wide, AgreesWithTheCompiler) {
  std::mt19937_64 random(1);
  const auto word = [&random] {  // of any length, at times all ones
    const std::uint64_t bits = random() >> random() % 64;
    return random() % 8 == 0 ? ~std::uint64_t{0} : random() % 8 == 0 ? 0 : bits;
  };
  for (int i = 0; i < 100000; ++i) {
    const Wide a{word(), word()}, b{random() % 4 == 0 ? a.high : word(), random() % 8 == 0 ? a.low : word()};
    const std::uint64_t factor = word();
    const int bits = static_cast<int>(1 + random() % 63);
    ASSERT_EQ(a <= b, native(a) <= native(b));
    ASSERT_TRUE(native(a + b) == native(a) + native(b));
    ASSERT_TRUE(native(a - b) == native(a) - native(b));
    ASSERT_TRUE(native(a * factor) == native(a) * factor);
    ASSERT_TRUE(native(a << bits) == native(a) << bits);
    ASSERT_TRUE(native(product(a.low, factor)) == Native{a.low} * factor);
    ASSERT_TRUE(native(multiply_high(factor, a)) == Native{factor} * a.high + ((Native{factor} * a.low) >> 64));
  }
}

}  // namespace
}  // namespace fllm
