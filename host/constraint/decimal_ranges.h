// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "host/constraint/expression.h"

namespace fllm {

/// The integers from least to most in decimal, without leading zeros and without -0; nothing when there are none.
[[nodiscard]] ExprId integers_between(Expressions& expressions, std::int64_t least, std::int64_t most);

/// The decimal fractions that begin with an integer and have digits behind a point ("0.5", "-2.75"), with values between
/// least and most; a bound that is excluded leaves out itself.
struct FractionBounds {
  std::int64_t least = 0, most = 0;
  bool without_least = false, without_most = false;
};
[[nodiscard]] ExprId fractions_between(Expressions& expressions, const FractionBounds& bounds, std::int32_t max_digits);

}  // namespace fllm
