// SPDX-License-Identifier: Apache-2.0
#include "cuda/portable/philox.h"

#include <gtest/gtest.h>

namespace fllm {
namespace {

// Known answers of Random123 for philox4x32-10.
TEST(Philox, KnownAnswers) {
  const PhiloxBlock zero = philox(0, {{0, 0, 0, 0}});
  EXPECT_EQ(zero.word[0], 0x6627e8d5u);
  EXPECT_EQ(zero.word[1], 0xe169c58du);
  EXPECT_EQ(zero.word[2], 0xbc57ac4cu);
  EXPECT_EQ(zero.word[3], 0x9b00dbd8u);
  const PhiloxBlock ones = philox(~0ull, {{~0u, ~0u, ~0u, ~0u}});
  EXPECT_EQ(ones.word[0], 0x408f276du);
  EXPECT_EQ(ones.word[1], 0x41c83b0eu);
  EXPECT_EQ(ones.word[2], 0xa20bc7c6u);
  EXPECT_EQ(ones.word[3], 0x6d5451fdu);
  const PhiloxBlock pi = philox(0x299f31d0a4093822ull, {{0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}});
  EXPECT_EQ(pi.word[0], 0xd16cfe09u);
  EXPECT_EQ(pi.word[1], 0x94fdccebu);
  EXPECT_EQ(pi.word[2], 0x5001e420u);
  EXPECT_EQ(pi.word[3], 0x24126ea1u);
}

TEST(Philox, EveryPartOfTheCounterMatters) {
  const std::uint64_t base = random_bits(7, {1, 0, RandomStream::kTarget, 0});
  EXPECT_NE(base, random_bits(8, {1, 0, RandomStream::kTarget, 0}));
  EXPECT_NE(base, random_bits(7, {2, 0, RandomStream::kTarget, 0}));
  EXPECT_NE(base, random_bits(7, {1, 1, RandomStream::kTarget, 0}));
  EXPECT_NE(base, random_bits(7, {1, 0, RandomStream::kDraft, 0}));
  EXPECT_NE(base, random_bits(7, {1, 0, RandomStream::kTarget, 1}));
}

}  // namespace
}  // namespace fllm
