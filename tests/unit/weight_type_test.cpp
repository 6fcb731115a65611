// SPDX-License-Identifier: Apache-2.0
#include "host/model/weight_type.h"

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <vector>

#include "cuda/backend/make_fiber_backend.h"
#include "tests/support/expect_error.h"

namespace fllm::test {
namespace {

using Types = std::vector<TensorType>;
constexpr TensorType kF32 = TensorType::kF32, kF16 = TensorType::kF16, kBF16 = TensorType::kBF16,
                     kQ4 = TensorType::kQ4_1;

TEST(WeightType, AutoIsWhatTheFileHas) {
  const std::unique_ptr<Backend> halves = make_fiber_backend({}), cpu = make_backend({.device = "cpu", .threads = 1});
  const auto chosen = [&](const Types& types) { return choose_weight_type(Dtype::kAuto, types, *halves); };
  EXPECT_EQ(chosen({kF32, kF32}), FloatType::kFloat32);
  EXPECT_EQ(chosen({TensorType::kF64, kF16}), FloatType::kFloat32);
  EXPECT_EQ(chosen({kF16, kF32}), FloatType::kFloat32);
  EXPECT_EQ(chosen({kF16, kF16}), FloatType::kFloat16);
  EXPECT_EQ(chosen({kBF16, kBF16}), FloatType::kBFloat16);
  EXPECT_EQ(chosen({kF16, kBF16}), FloatType::kBFloat16);
  EXPECT_EQ(chosen({kQ4, TensorType::kQ8_0}), FloatType::kFloat16);
  EXPECT_EQ(chosen({kQ4, kF32}), FloatType::kFloat16);
  EXPECT_EQ(chosen({kQ4, kBF16}), FloatType::kBFloat16);
  for (const Types& types : {Types{kF16}, Types{kQ4}, Types{kF32}}) {
    EXPECT_EQ(choose_weight_type(Dtype::kAuto, types, *cpu), FloatType::kFloat32);
    EXPECT_EQ(choose_weight_type(Dtype::kFloat32, types, *halves), FloatType::kFloat32);
    EXPECT_EQ(choose_weight_type(Dtype::kFloat16, types, *halves), FloatType::kFloat16);
    EXPECT_EQ(choose_weight_type(Dtype::kBFloat16, types, *halves), FloatType::kBFloat16);
  }
}

TEST(WeightType, WhatIsNotThereIsSaid) {
  const std::unique_ptr<Backend> cpu = make_backend({.device = "cpu", .threads = 1});
  expect_error(ErrorCode::kUnsupported, {"\"fp16\"", "cpu (1 thread", "auto, fp32"},
               [&] { (void)choose_weight_type(Dtype::kFloat16, Types{kF16}, *cpu); });
  expect_error(ErrorCode::kInvalidArgument, {"\"half\"", "auto, fp32, fp16, bf16"}, [] { (void)dtype_of("half"); });
  expect_error(ErrorCode::kInvalidArgument, {"\"\""}, [] { (void)dtype_of(""); });
}

TEST(WeightType, NothingFiniteBecomesInfinite) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> values{1.0f, -2.5f, 65519.9f, -kInfinity};
  EXPECT_EQ(rounded(values, FloatType::kFloat16, "w"), (std::vector<std::uint16_t>{0x3c00, 0xc100, 0x7bff, 0xfc00}));
  EXPECT_EQ(rounded(values, FloatType::kBFloat16, "w"), (std::vector<std::uint16_t>{0x3f80, 0xc020, 0x4780, 0xff80}));
  const std::vector<float> large{0.0f, -70000.0f};
  expect_error(ErrorCode::kUnsupported, {"file: blk.0.w", "-70000", "fp16", "bf16 or fp32"},
               [&] { (void)rounded(large, FloatType::kFloat16, "file: blk.0.w"); });
  EXPECT_EQ(rounded(large, FloatType::kBFloat16, "w")[1], 0xc789);
  expect_error(ErrorCode::kUnsupported, {"w: ", "bf16", "fp32"},
               [] { (void)rounded(std::vector<float>{std::numeric_limits<float>::max()}, FloatType::kBFloat16, "w"); });
}

}  // namespace
}  // namespace fllm::test
