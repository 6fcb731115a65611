// SPDX-License-Identifier: Apache-2.0
#include "tests/support/g_test.h"

#include <gtest/gtest.h>

#include <cmath>

namespace fllm::test {
namespace {

/// Quantile of the chi-square distribution at 1 - 1e-6 by Wilson and Hilferty, within 1 % for every count of cells here.
double chi_square_limit(double freedom) {
  constexpr double kNormalQuantile = 4.753424;  // of 1 - 1e-6
  const double cube = 1 - 2 / (9 * freedom) + kNormalQuantile * std::sqrt(2 / (9 * freedom));
  return freedom * cube * cube * cube;
}

}  // namespace

void expect_frequencies(const std::vector<std::uint64_t>& counts, const std::vector<double>& probabilities,
                        const std::string& what) {
  std::uint64_t draws = 0;
  for (const std::uint64_t count : counts) draws += count;
  double g = 0, pooled_expected = 0;
  std::uint64_t pooled = 0;
  int cells = 0;
  const auto add = [&](std::uint64_t count, double expected) {
    ++cells;
    if (count > 0) g += 2 * static_cast<double>(count) * std::log(static_cast<double>(count) / expected);
  };
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = probabilities[i] * static_cast<double>(draws);
    if (probabilities[i] == 0) {
      EXPECT_EQ(counts[i], 0u) << what << ": cell " << i << " is impossible";
    } else if (expected < 20) {
      pooled += counts[i];
      pooled_expected += expected;
    } else {
      add(counts[i], expected);
    }
  }
  if (pooled_expected >= 20) add(pooled, pooled_expected);
  ASSERT_GT(cells, 1) << what;
  EXPECT_LT(g, chi_square_limit(cells - 1)) << what << ": " << cells << " cells, " << draws << " draws";
}

}  // namespace fllm::test
