// SPDX-License-Identifier: Apache-2.0
#include "host/engine/utf8_decoder.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>

namespace fllm {
namespace {

const std::string kBad = "\xef\xbf\xbd";

std::string decode(const std::string& bytes) {
  Utf8Decoder decoder;
  std::string out;
  decoder.feed(bytes, out);
  decoder.finish(out);
  return out;
}

std::string encode(std::uint32_t point) {
  const auto byte = [](std::uint32_t value) { return static_cast<char>(static_cast<unsigned char>(value)); };
  if (point < 0x80) return {byte(point)};
  if (point < 0x800) return {byte(0xc0 | point >> 6), byte(0x80 | (point & 63))};
  if (point < 0x10000) return {byte(0xe0 | point >> 12), byte(0x80 | (point >> 6 & 63)), byte(0x80 | (point & 63))};
  return {byte(0xf0 | point >> 18), byte(0x80 | (point >> 12 & 63)), byte(0x80 | (point >> 6 & 63)),
          byte(0x80 | (point & 63))};
}

TEST(Utf8Decoder, EveryCodePointComesThroughAndSurrogatesDoNot) {
  const std::string three_bad = kBad + kBad + kBad;
  for (std::uint32_t point = 0; point < 0x110000; ++point) {
    const bool surrogate = point >= 0xd800 && point < 0xe000;
    // ED A0 80: ED alone is a maximal subpart, and so is each byte after it.
    ASSERT_EQ(decode(encode(point)), surrogate ? three_bad : encode(point)) << point;
  }
}

// Unicode 15, tables 3-8 to 3-11.
TEST(Utf8Decoder, OneReplacementPerMaximalSubpart) {
  EXPECT_EQ(decode("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"),
            kBad + kBad + kBad + kBad + kBad + kBad + kBad + kBad + "A");
  EXPECT_EQ(decode("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41"),
            kBad + kBad + kBad + kBad + kBad + kBad + kBad + kBad + "A");
  EXPECT_EQ(decode("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42"), kBad + kBad + kBad + kBad + kBad + "A" + kBad + kBad + "B");
  EXPECT_EQ(decode("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"), kBad + kBad + kBad + kBad + "A");
}

TEST(Utf8Decoder, ACharacterWaitsForItsLastByte) {
  Utf8Decoder decoder;
  std::string out;
  decoder.feed("a\xf0\x9f", out);
  EXPECT_EQ(out, "a");
  decoder.feed("\x98", out);
  EXPECT_EQ(out, "a");
  decoder.feed("\x80", out);
  EXPECT_EQ(out, "a\xf0\x9f\x98\x80");
  decoder.feed("\xe2\x82", out);
  decoder.finish(out);
  EXPECT_EQ(out, "a\xf0\x9f\x98\x80" + kBad);
}

TEST(Utf8Decoder, HowTheBytesAreCutDoesNotMatter) {
  std::mt19937 random(5);
  const unsigned char interesting[] = {'a',  0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc2,
                                       0xe0, 0xe1, 0xed, 0xf0, 0xf1, 0xf4, 0xff};
  for (int round = 0; round < 20000; ++round) {
    std::string bytes(random() % 10, 'a');
    for (char& byte : bytes) byte = static_cast<char>(interesting[random() % std::size(interesting)]);
    Utf8Decoder decoder;
    std::string out;
    for (const char byte : bytes) decoder.feed({&byte, 1}, out);
    decoder.finish(out);
    ASSERT_EQ(out, decode(bytes));
    ASSERT_EQ(decode(out), out);  // what comes out is well-formed
  }
}

}  // namespace
}  // namespace fllm
