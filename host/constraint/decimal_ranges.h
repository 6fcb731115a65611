// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "host/constraint/expression.h"

namespace fllm {

/// The integers from least to most in decimal, without leading zeros and without -0; nothing when there are none.
[[nodiscard]] ExprId integers_between(Expressions& expressions, std::int64_t least, std::int64_t most);

/// A bound in decimal: whole + 0.fraction, below 0 where is_negative.
struct DecimalBound {
  std::int64_t whole = 0;  // towards 0, so that -0.5 has 0
  std::string fraction;    // digits behind the point, without zeros at their end
  bool excluded = false;   // it leaves out itself
  bool is_negative = false;
};
/// The shortest decimal that is this double. Precondition: it is less than 10^15 from 0.
[[nodiscard]] DecimalBound decimal_bound(double value, bool excluded);

/// The decimal fractions that begin with an integer and have digits behind a point ("0.5", "-2.75"), with values between
/// least and most. Next to a bound that is excluded they have at most 15 digits in all, so that none becomes it when it is
/// rounded to a double (15: DBL_DIG).
struct FractionBounds {
  DecimalBound least, most;
};
[[nodiscard]] ExprId fractions_between(Expressions& expressions, const FractionBounds& bounds, std::int32_t max_digits);

}  // namespace fllm
