// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "tests/support/sample_cases.h"
#include "tests/support/special_floats.h"

namespace fllm::test {
namespace {

using Row = std::vector<float>;

/// Box-Muller; std::normal_distribution may differ between libraries.
double normal(Random& random) {
  return std::sqrt(-2 * std::log(unit(random) + 0x1p-60)) * std::cos(6.283185307179586 * unit(random));
}

template <class F>
Row each(std::int32_t vocab, F&& value) {
  Row row;
  row.reserve(static_cast<std::size_t>(vocab));
  for (std::int32_t id = 0; id < vocab; ++id) row.push_back(static_cast<float>(value(id)));
  return row;
}

float& any(Row& row, Random& random) { return row[random() % row.size()]; }

Row shuffled(Row row, Random& random) {
  for (std::size_t i = row.size(); i > 1; --i) std::swap(row[i - 1], row[random() % i]);
  return row;
}

Row normal_row(std::int32_t vocab, double deviation, Random& random) {
  return each(vocab, [&](std::int32_t) { return deviation * normal(random); });
}

Row typical(std::int32_t vocab, Random& random) { return normal_row(vocab, 3, random); }
Row nearly_flat(std::int32_t vocab, Random& random) { return normal_row(vocab, 1e-3, random); }
Row peaked(std::int32_t vocab, Random& random) { return normal_row(vocab, 20, random); }

Row all_equal(std::int32_t vocab, Random& random) {
  return Row(static_cast<std::size_t>(vocab), static_cast<float>(normal(random)));
}

Row two_valued(std::int32_t vocab, Random& random) {
  const double gap = unit(random) * 4;
  const std::uint64_t many = 1 + random() % 8;
  return each(vocab, [&](std::int32_t) { return random() % 8 < many ? 1.5 : 1.5 - gap; });
}

/// Few distinct values, hundreds of ids each: every cut goes through a tie.
Row quantised(std::int32_t vocab, Random& random) {
  return each(vocab, [&](std::int32_t) { return std::nearbyint(normal(random) * 4) / 4; });
}

Row one_hot(std::int32_t vocab, Random& random) {
  Row row(static_cast<std::size_t>(vocab), 0.0f);
  any(row, random) = random() % 2 == 0 ? 1000.0f : 20.0f;
  return row;
}

/// Masses from one unit to below it: 27.7 = 40 ln 2.
Row mass_floor(std::int32_t vocab, Random& random) {
  Row row = each(vocab, [&](std::int32_t) { return -27.725887 + 0.02 * normal(random); });
  any(row, random) = 0.0f;
  return row;
}

Row subnormal_probabilities(std::int32_t vocab, Random& random) {
  Row row = each(vocab, [&](std::int32_t) { return -95 + 5 * normal(random); });
  any(row, random) = 0.0f;
  return row;
}

Row subnormal_logits(std::int32_t vocab, Random& random) {
  return each(vocab, [&](std::int32_t) { return std::ldexp(static_cast<double>(random() % 64) - 32, -149); });
}

Row some_nan(std::int32_t vocab, Random& random) {
  Row row = typical(vocab, random);
  for (std::int32_t i = 0; i <= vocab / 16; ++i) any(row, random) = kNan;
  return row;
}

Row all_nan(std::int32_t vocab, Random&) { return Row(static_cast<std::size_t>(vocab), kNan); }

Row one_infinite(std::int32_t vocab, Random& random) {
  Row row = typical(vocab, random);
  any(row, random) = kInfinity;
  return row;
}

Row several_infinite(std::int32_t vocab, Random& random) {
  Row row = typical(vocab, random);
  for (int i = 0; i < 5; ++i) any(row, random) = kInfinity;
  any(row, random) = kNan;
  return row;
}

Row some_minus_infinite(std::int32_t vocab, Random& random) {
  return each(vocab, [&](std::int32_t) { return random() % 4 != 0 ? -kInfinity : static_cast<float>(normal(random)); });
}

Row all_minus_infinite(std::int32_t vocab, Random&) { return Row(static_cast<std::size_t>(vocab), -kInfinity); }

Row signed_zeros(std::int32_t vocab, Random& random) {
  return each(vocab, [&](std::int32_t) { return random() % 8 == 0 ? -0.5f : random() % 2 == 0 ? 0.0f : -0.0f; });
}

/// Differences overflow binary32.
Row huge(std::int32_t vocab, Random& random) {
  return each(vocab, [&](std::int32_t) {
    return random() % 3 == 0 ? 3e38f : random() % 2 == 0 ? -3e38f : static_cast<float>(normal(random));
  });
}

/// Neighbouring floats, so that the last bit decides the order.
Row one_ulp_apart(std::int32_t vocab, Random& random) {
  const std::uint32_t base = random() % 2 == 0 ? 0x41200000u : 0xc1200000u;
  return each(vocab, [&](std::int32_t) {
    const std::uint32_t bits = base + static_cast<std::uint32_t>(random() % 16);
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  });
}

Row geometric(std::int32_t vocab, Random& random) {
  return shuffled(each(vocab, [](std::int32_t id) { return -0.6931472 * id; }), random);
}

Row power_law(std::int32_t vocab, Random& random) {
  return shuffled(each(vocab, [](std::int32_t id) { return -1.1 * std::log(id + 2.7); }), random);
}

Row ascending(std::int32_t vocab, Random&) {
  return each(vocab, [vocab](std::int32_t id) { return 10.0 * id / vocab; });
}

Row descending(std::int32_t vocab, Random&) {
  return each(vocab, [vocab](std::int32_t id) { return -10.0 * id / vocab; });
}

/// The maximum and everything that counts sit in one stretch, e.g. the share of one thread.
Row clustered(std::int32_t vocab, Random& random) {
  Row row = each(vocab, [&](std::int32_t) { return -12 + normal(random); });
  const std::size_t begin = random() % row.size();
  for (std::size_t i = begin; i < std::min(row.size(), begin + 100); ++i) row[i] = static_cast<float>(normal(random));
  return row;
}

constexpr LogitShape kShapes[] = {
    {"typical", typical},
    {"nearly_flat", nearly_flat},
    {"peaked", peaked},
    {"all_equal", all_equal},
    {"two_valued", two_valued},
    {"quantised", quantised},
    {"one_hot", one_hot},
    {"mass_floor", mass_floor},
    {"subnormal_probabilities", subnormal_probabilities},
    {"subnormal_logits", subnormal_logits},
    {"some_nan", some_nan},
    {"all_nan", all_nan},
    {"one_infinite", one_infinite},
    {"several_infinite", several_infinite},
    {"some_minus_infinite", some_minus_infinite},
    {"all_minus_infinite", all_minus_infinite},
    {"signed_zeros", signed_zeros},
    {"huge", huge},
    {"one_ulp_apart", one_ulp_apart},
    {"geometric", geometric},
    {"power_law", power_law},
    {"ascending", ascending},
    {"descending", descending},
    {"clustered", clustered},
};

}  // namespace

std::span<const LogitShape> logit_shapes() { return kShapes; }

}  // namespace fllm::test
