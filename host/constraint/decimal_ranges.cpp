// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/decimal_ranges.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/constraint/intersect.h"

namespace fllm {
namespace {

ExprId digit(Expressions& e, char first, char last) {
  return e.set(CodePointSet({{static_cast<char32_t>(first), static_cast<char32_t>(last)}}));
}

ExprId any_digits(Expressions& e, std::size_t count) {
  const auto times = static_cast<std::int32_t>(count);
  return e.repeat(digit(e, '0', '9'), times, times);
}

/// Numbers of as many digits as both bounds have.
ExprId same_length(Expressions& e, const std::string& least, const std::string& most) {
  std::size_t at = 0;
  while (at < least.size() && least[at] == most[at]) ++at;
  if (at == least.size()) return e.bytes(least);
  const std::size_t behind = least.size() - at - 1;
  std::vector<ExprId> ways;
  char first = least[at], last = most[at];
  const std::string least_rest = least.substr(at + 1), most_rest = most.substr(at + 1);
  if (least_rest != std::string(behind, '0')) {
    ways.push_back(e.concat({digit(e, first, first), same_length(e, least_rest, std::string(behind, '9'))}));
    ++first;
  }
  if (most_rest != std::string(behind, '9')) {
    ways.push_back(e.concat({digit(e, last, last), same_length(e, std::string(behind, '0'), most_rest)}));
    --last;
  }
  if (first <= last) ways.push_back(e.concat({digit(e, first, last), any_digits(e, behind)}));
  return e.concat({e.bytes(least.substr(0, at)), e.alternate(std::move(ways))});
}

ExprId magnitudes(Expressions& e, std::uint64_t least, std::uint64_t most) {
  if (least > most) return e.nothing();
  const std::string low = std::to_string(least), high = std::to_string(most);
  std::vector<ExprId> ways;
  for (std::size_t length = low.size(); length <= high.size(); ++length) {
    std::string first = low;
    if (length > low.size()) first.assign(length, '0').front() = '1';
    const std::string last = length == high.size() ? high : std::string(length, '9');
    ways.push_back(same_length(e, first, last));
  }
  return e.alternate(std::move(ways));
}

std::uint64_t magnitude(std::int64_t value) {
  return value < 0 ? ~static_cast<std::uint64_t>(value) + 1 : static_cast<std::uint64_t>(value);
}

/// Up to `most` digits of which the last is not 0.
ExprId more_than_zero(Expressions& e, std::int32_t most) {
  return most < 1 ? e.nothing() : e.concat({e.repeat(digit(e, '0', '9'), 0, most - 1), digit(e, '1', '9')});
}

/// The digits behind a point, from 1 to `most` of them, that are more than those of a bound (upper: less), or, unless it is
/// excluded, equal.
ExprId digits_beside(Expressions& e, const DecimalBound& bound, bool upper, std::int32_t most) {
  const std::string& wanted = bound.fraction;
  const auto known = std::min(static_cast<std::int32_t>(wanted.size()), most), end = known + 1;
  std::vector<ExpressionEdge> edges;  // place i: the first i digits are the bound's
  for (std::int32_t i = 0; i < known; ++i) {
    const char at = wanted[static_cast<std::size_t>(i)];
    const ExprId rest = e.repeat(digit(e, '0', '9'), 0, most - i - 1);
    if (upper && at > '0') edges.push_back({i, end, e.concat({digit(e, '0', static_cast<char>(at - 1)), rest})});
    if (!upper && at < '9') edges.push_back({i, end, e.concat({digit(e, static_cast<char>(at + 1), '9'), rest})});
    if (upper && i > 0) edges.push_back({i, end, e.empty()});  // what follows in the bound is more than nothing
    edges.push_back({i, i + 1, e.bytes(std::string(1, at))});
  }
  const bool is_whole = known == static_cast<std::int32_t>(wanted.size());
  const std::int32_t left = most - known, needed = known == 0 ? 1 : 0;
  if (!is_whole) {  // all that may be written, and still less than the bound
    if (upper) edges.push_back({known, end, e.empty()});
  } else if (upper) {
    if (!bound.excluded) edges.push_back({known, end, e.repeat(e.bytes("0"), needed, left)});
  } else if (bound.excluded) {
    edges.push_back({known, end, more_than_zero(e, left)});
  } else {
    edges.push_back({known, end, e.repeat(digit(e, '0', '9'), needed, left)});
  }
  return e.graph(end + 1, std::move(edges));
}

/// Digits behind a point with which a number has at most as many as a double tells apart.
std::int32_t digits_to_tell(std::int64_t whole, std::int32_t max_digits) {
  constexpr std::int32_t kTold = std::numeric_limits<double>::digits10;
  const auto written = static_cast<std::int32_t>(std::to_string(whole).size());
  return std::clamp(kTold - written, 1, max_digits);
}

/// Fractions m.f between the bounds, both at least 0; the sign goes before them.
ExprId positive_fractions(Expressions& e, const FractionBounds& bounds, std::int32_t max_digits) {
  if (bounds.most.is_negative) return e.nothing();
  const DecimalBound low = bounds.least.is_negative ? DecimalBound{} : bounds.least;
  DecimalBound high = bounds.most;
  std::int32_t high_digits = high.excluded ? digits_to_tell(high.whole, max_digits) : max_digits;
  if (high.excluded && high.fraction.empty()) {  // 2 is not reached from below by any 2.f
    if (high.whole == 0) return e.nothing();
    high = {high.whole - 1, std::string(static_cast<std::size_t>(max_digits), '9'), false, false};
  }
  const std::int32_t low_digits = low.excluded ? digits_to_tell(low.whole, max_digits) : max_digits;
  const auto with_whole = [&](std::int64_t whole, ExprId digits) {
    return e.concat({e.bytes(std::to_string(whole) + "."), digits});
  };
  if (low.whole > high.whole) return e.nothing();
  if (low.whole == high.whole) {
    const ExprId above = digits_beside(e, low, false, low_digits), below = digits_beside(e, high, true, high_digits);
    return with_whole(low.whole, intersect(e, above, below));
  }
  const auto first = static_cast<std::uint64_t>(low.whole) + 1, last = static_cast<std::uint64_t>(high.whole) - 1;
  return e.alternate({with_whole(low.whole, digits_beside(e, low, false, low_digits)),
                      e.concat({magnitudes(e, first, last), e.bytes("."), e.repeat(digit(e, '0', '9'), 1, max_digits)}),
                      with_whole(high.whole, digits_beside(e, high, true, high_digits))});
}

DecimalBound opposite(DecimalBound bound) {
  bound.is_negative = !bound.is_negative && (bound.whole != 0 || !bound.fraction.empty());
  return bound;
}

}  // namespace

ExprId integers_between(Expressions& e, std::int64_t least, std::int64_t most) {
  if (least > most) return e.nothing();
  std::vector<ExprId> ways;
  if (least < 0) {
    const std::int64_t last = std::min<std::int64_t>(most, -1);
    ways.push_back(e.concat({e.bytes("-"), magnitudes(e, magnitude(last), magnitude(least))}));
  }
  if (most >= 0) ways.push_back(magnitudes(e, magnitude(std::max<std::int64_t>(least, 0)), magnitude(most)));
  return e.alternate(std::move(ways));
}

DecimalBound decimal_bound(double value, bool excluded) {
  std::array<char, 400> text{};  // 5e-324 takes 326
  const auto written = std::to_chars(text.data(), text.data() + text.size(), std::abs(value), std::chars_format::fixed);
  const std::string_view digits(text.data(), static_cast<std::size_t>(written.ptr - text.data()));
  const std::size_t point = std::min(digits.find('.'), digits.size());
  DecimalBound bound;
  std::from_chars(digits.data(), digits.data() + point, bound.whole);
  if (point < digits.size()) bound.fraction = digits.substr(point + 1);
  bound.excluded = excluded;
  bound.is_negative = value < 0;
  return bound;
}

ExprId fractions_between(Expressions& e, const FractionBounds& bounds, std::int32_t max_digits) {
  const FractionBounds mirrored{opposite(bounds.most), opposite(bounds.least)};
  return e.alternate({positive_fractions(e, bounds, max_digits),
                      e.concat({e.bytes("-"), positive_fractions(e, mirrored, max_digits)})});
}

}  // namespace fllm
