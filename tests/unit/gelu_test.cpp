// SPDX-License-Identifier: Apache-2.0
#include "cuda/portable/gelu.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace fllm {
namespace {

TEST(Gelu, ErfcIsWithinItsBound) {
  EXPECT_EQ(erfc_shared(0.0f), 1.0f);
  EXPECT_EQ(erfc_shared(std::numeric_limits<float>::infinity()), 0.0f);
  double worst = 0;
  for (float t = 0; t < 12; t += 0x1p-14f) worst = std::max(worst, std::fabs(erfc_shared(t) - std::erfc(double{t})));
  EXPECT_LT(worst, 2e-7);
}

TEST(Gelu, IsWithinItsBoundOfTheExactForm) {
  for (float x = -14; x < 14; x += 0x1p-13f) {
    const double exact = 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    ASSERT_NEAR(gelu(x), exact, 1e-6 + std::fabs(exact) * 0x1p-24) << x;
  }
}

TEST(Gelu, TanhFormIsWithinItsBound) {
  for (float x = -14; x < 14; x += 0x1p-13f) {
    const double cube = double{x} * x * x;
    const double exact = 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * cube)));
    ASSERT_NEAR(gelu_tanh(x), exact, 1e-6 + std::fabs(exact) * 0x1p-24) << x;
  }
}

TEST(Sigmoid, IsWithinItsBound) {
  for (float x = -120; x < 120; x += 0x1p-10f) {
    const double exact = 1 / (1 + std::exp(-double{x}));
    ASSERT_NEAR(sigmoid_shared(x), exact, 1e-7) << x;
    ASSERT_NEAR(silu(x), x * exact, 2e-7 + std::fabs(x * exact) * 0x1p-23) << x;
  }
}

TEST(Sigmoid, ExtremeValues) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(sigmoid_shared(0.0f), 0.5f);
  EXPECT_EQ(sigmoid_shared(kInfinity), 1.0f);
  EXPECT_EQ(sigmoid_shared(-kInfinity), 0.0f);
  EXPECT_EQ(silu(1e30f), 1e30f);
  EXPECT_EQ(silu(-1e30f), 0.0f);
  EXPECT_EQ(gelu_tanh(1e30f), 1e30f);
  EXPECT_EQ(gelu_tanh(-1e30f), 0.0f);
  EXPECT_TRUE(std::isnan(silu(std::numeric_limits<float>::quiet_NaN())));
  EXPECT_TRUE(std::isnan(gelu_tanh(std::numeric_limits<float>::quiet_NaN())));
}

TEST(Gelu, ExtremeValues) {
  EXPECT_EQ(gelu(0.0f), 0.0f);
  EXPECT_EQ(gelu(1e30f), 1e30f);
  EXPECT_EQ(gelu(-1e30f), 0.0f);
  EXPECT_TRUE(std::isnan(gelu(std::numeric_limits<float>::quiet_NaN())));
}

}  // namespace
}  // namespace fllm
