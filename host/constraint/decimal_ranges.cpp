// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/decimal_ranges.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

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

/// Fractions m.f with least <= m.f <= most, both at least 0; the sign goes before them.
ExprId positive_fractions(Expressions& e, const FractionBounds& bounds, std::int32_t max_digits) {
  if (bounds.most < 0 || bounds.least > bounds.most) return e.nothing();
  const std::int64_t least = std::max<std::int64_t>(bounds.least, 0);
  const bool without_least = bounds.without_least && bounds.least >= 0;
  const ExprId point = e.bytes("."), zeros = e.repeat(e.bytes("0"), 1, max_digits);
  const ExprId any = e.repeat(digit(e, '0', '9'), 1, max_digits);
  const ExprId more_than_zero = e.concat({e.repeat(digit(e, '0', '9'), 0, max_digits - 1), digit(e, '1', '9')});
  std::vector<ExprId> ways;
  const auto whole = static_cast<std::uint64_t>(least), end = static_cast<std::uint64_t>(bounds.most);
  if (whole < end) {
    if (without_least) ways.push_back(e.concat({e.bytes(std::to_string(whole)), point, more_than_zero}));
    ways.push_back(e.concat({magnitudes(e, whole + (without_least ? 1 : 0), end - 1), point, any}));
  }
  if (!bounds.without_most && (whole < end || !without_least)) {
    ways.push_back(e.concat({e.bytes(std::to_string(end)), point, zeros}));
  }
  return e.alternate(std::move(ways));
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

ExprId fractions_between(Expressions& e, const FractionBounds& bounds, std::int32_t max_digits) {
  const FractionBounds mirrored{-bounds.most, -bounds.least, bounds.without_most, bounds.without_least};
  return e.alternate({positive_fractions(e, bounds, max_digits),
                      e.concat({e.bytes("-"), positive_fractions(e, mirrored, max_digits)})});
}

}  // namespace fllm
