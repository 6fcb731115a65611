// SPDX-License-Identifier: Apache-2.0
#include "host/model/quantized_blocks.h"

#include <gtest/gtest.h>

#include <bit>
#include <random>

#include "host/model/tensor_type.h"
#include "tests/support/quantized_oracle.h"

namespace fllm {
namespace {

/// Equal to the bit; of a NaN only that it is one, since instructions differ in which of two they pass on.
bool same(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) || (std::isnan(a) && std::isnan(b));
}

void expect_as_restated(TensorType type, const std::vector<std::byte>& bytes) {
  const TensorTypeFacts& facts = facts_of(type);
  const std::size_t blocks = bytes.size() / facts.bytes;
  std::vector<float> out(blocks * facts.elements);
  expand_to_float(type, bytes, out);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto block = std::span(bytes).subspan(i / facts.elements * facts.bytes, facts.bytes);
    const float expected = test::block_element(type, block, static_cast<int>(i % facts.elements));
    ASSERT_TRUE(same(out[i], expected)) << facts.name << " element " << i << ": " << out[i] << ", not " << expected;
  }
}

TEST(QuantizedBlocks, AnyBytesAreExpandedAsRestated) {
  std::mt19937 random(7);
  for (const TensorTypeFacts& facts : kTensorTypes) {
    std::vector<std::byte> bytes(facts.bytes * 300);  // by chance subnormal, infinite and NaN scales too
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    expect_as_restated(facts.type, bytes);
  }
}

TEST(QuantizedBlocks, ExtremeBlocks) {
  for (const TensorTypeFacts& facts : kTensorTypes) {
    for (const int value : {0x00, 0x01, 0x0f, 0x3f, 0x7b, 0x7c, 0x80, 0xf0, 0xff}) {
      expect_as_restated(facts.type, std::vector<std::byte>(facts.bytes, static_cast<std::byte>(value)));
    }
    expect_as_restated(facts.type, {});
  }
}

TEST(QuantizedBlocks, EveryHalfAndBFloat16) {
  std::vector<std::byte> bytes;
  for (int value = 0; value < 65536; ++value) {
    bytes.push_back(static_cast<std::byte>(value & 255));
    bytes.push_back(static_cast<std::byte>(value >> 8));
  }
  expect_as_restated(TensorType::kF16, bytes);
  expect_as_restated(TensorType::kBF16, bytes);
}

TEST(TensorTypes, SizesOfBlocks) {
  struct Expected {
    TensorType type;
    std::string_view name;
    std::uint32_t elements, bytes, number;
  };
  // As published: ggml-common.h, ggml.h.
  const std::vector<Expected> all = {
      {TensorType::kF64, "F64", 1, 8, 28},      {TensorType::kF32, "F32", 1, 4, 0},
      {TensorType::kF16, "F16", 1, 2, 1},       {TensorType::kBF16, "BF16", 1, 2, 30},
      {TensorType::kQ4_0, "Q4_0", 32, 18, 2},   {TensorType::kQ4_1, "Q4_1", 32, 20, 3},
      {TensorType::kQ5_0, "Q5_0", 32, 22, 6},   {TensorType::kQ5_1, "Q5_1", 32, 24, 7},
      {TensorType::kQ8_0, "Q8_0", 32, 34, 8},   {TensorType::kQ4_K, "Q4_K", 256, 144, 12},
      {TensorType::kQ6_K, "Q6_K", 256, 210, 14}};
  ASSERT_EQ(all.size(), kTensorTypes.size());
  for (const Expected& expected : all) {
    const TensorTypeFacts& facts = facts_of(expected.type);
    EXPECT_EQ(facts.name, expected.name);
    EXPECT_EQ(facts.elements, expected.elements) << expected.name;
    EXPECT_EQ(facts.bytes, expected.bytes) << expected.name;
    EXPECT_EQ(type_of_gguf(expected.number), expected.type) << expected.name;
    EXPECT_EQ(gguf_type_name(expected.number), expected.name);
  }
  EXPECT_EQ(gguf_type_name(13), "Q5_K");
  EXPECT_EQ(gguf_type_name(39), "MXFP4");
  EXPECT_EQ(gguf_type_name(42), "unknown");
  EXPECT_EQ(type_of_gguf(13), std::nullopt);
  EXPECT_EQ(type_of_gguf(0xffffffff), std::nullopt);
}

TEST(TensorTypes, ShapesThatFit) {
  const std::int64_t big = std::int64_t{1} << 31;
  EXPECT_EQ(shape_problem(TensorType::kQ4_K, {3, 512}), std::nullopt);
  EXPECT_EQ(tensor_bytes(TensorType::kQ4_K, {3, 512}), 3u * 2 * 144);
  EXPECT_EQ(tensor_bytes(TensorType::kF16, {}), 2u);
  EXPECT_EQ(tensor_bytes(TensorType::kF32, {4, 0, 5}), 0u);
  EXPECT_TRUE(shape_problem(TensorType::kQ4_K, {256, 128}));
  EXPECT_TRUE(shape_problem(TensorType::kQ8_0, {32, 33}));
  EXPECT_TRUE(shape_problem(TensorType::kQ8_0, {}));
  EXPECT_EQ(shape_problem(TensorType::kF32, {big, big / 4}), std::nullopt);  // 2^62 bytes
  EXPECT_TRUE(shape_problem(TensorType::kF32, {big, big / 2}));
  EXPECT_TRUE(shape_problem(TensorType::kF32, {big, big, big, big}));
}

}  // namespace
}  // namespace fllm
