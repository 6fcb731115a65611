// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/loop_form.h"

#include <gtest/gtest.h>

namespace fllm {
namespace {

TEST(LoopForm, ConditionalNodesNeedBothTheDriverAndTheRuntime) {
  EXPECT_EQ(choose_loop_form(12040, 12040), LoopForm::kConditional);
  EXPECT_EQ(choose_loop_form(13000, 12080), LoopForm::kConditional);
  EXPECT_EQ(choose_loop_form(12030, 13000), LoopForm::kUnrolled);
  EXPECT_EQ(choose_loop_form(13000, 12030), LoopForm::kUnrolled);
  EXPECT_EQ(choose_loop_form(0, 0), LoopForm::kUnrolled);  // no driver
}

TEST(LoopForm, UnrolledStepsAreFewAndDivideTheirNumber) {
  for (std::int32_t steps = 1; steps <= 300; ++steps) {
    const std::int32_t each = unrolled_steps(steps);
    ASSERT_GE(each, 1);
    ASSERT_LE(each, 8);
    ASSERT_EQ(steps % each, 0) << steps;
  }
  EXPECT_EQ(unrolled_steps(64), 8);
  EXPECT_EQ(unrolled_steps(7), 7);
  EXPECT_EQ(unrolled_steps(11), 1);
}

}  // namespace
}  // namespace fllm
