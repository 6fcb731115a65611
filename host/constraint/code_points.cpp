// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/code_points.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include "host/tokenizer/utf8.h"

namespace fllm {
namespace {

constexpr CodePointRange kSurrogates{0xD800, 0xDFFF};

/// Capitals with their small letters `distance` further on; stride 2 where the two alternate.
struct CasePairs {
  char32_t first, last, distance, stride;
};
constexpr std::array kCasePairs{
    CasePairs{'A', 'Z', 32, 1},     CasePairs{0xC0, 0xD6, 32, 1},   CasePairs{0xD8, 0xDE, 32, 1},
    CasePairs{0x100, 0x12E, 1, 2},  CasePairs{0x132, 0x136, 1, 2},  CasePairs{0x139, 0x147, 1, 2},
    CasePairs{0x14A, 0x176, 1, 2},  CasePairs{0x179, 0x17D, 1, 2},  CasePairs{0x391, 0x3A1, 32, 1},
    CasePairs{0x3A3, 0x3AB, 32, 1}, CasePairs{0x400, 0x40F, 80, 1}, CasePairs{0x410, 0x42F, 32, 1},
    CasePairs{0x531, 0x556, 48, 1},
};

void add_overlap(std::vector<CodePointRange>& out, const CodePointRange& a, const CodePointRange& b) {
  const CodePointRange both{std::max(a.first, b.first), std::min(a.last, b.last)};
  if (both.first <= both.last) out.push_back(both);
}

void add_other_case(std::vector<CodePointRange>& out, const CodePointRange& range, const CasePairs& pairs) {
  if (pairs.stride == 1) {
    std::vector<CodePointRange> capitals, small;
    add_overlap(capitals, range, {pairs.first, pairs.last});
    add_overlap(small, range, {pairs.first + pairs.distance, pairs.last + pairs.distance});
    for (const CodePointRange& r : capitals) out.push_back({r.first + pairs.distance, r.last + pairs.distance});
    for (const CodePointRange& r : small) out.push_back({r.first - pairs.distance, r.last - pairs.distance});
    return;
  }
  for (char32_t capital = pairs.first; capital <= pairs.last; capital += pairs.stride) {
    const bool has = range.first <= capital && capital <= range.last;
    const bool has_small = range.first <= capital + 1 && capital + 1 <= range.last;
    if (has || has_small) out.push_back({capital, capital + 1});
  }
}

}  // namespace

CodePointSet::CodePointSet(const std::vector<CodePointRange>& ranges) {
  std::vector<CodePointRange> valid;
  for (const CodePointRange& range : ranges) {
    add_overlap(valid, range, {0, kSurrogates.first - 1});
    add_overlap(valid, range, {kSurrogates.last + 1, kMaxCodePoint});
  }
  std::sort(valid.begin(), valid.end(),
            [](const CodePointRange& a, const CodePointRange& b) { return a.first < b.first; });
  for (const CodePointRange& range : valid) {
    if (!ranges_.empty() && range.first <= ranges_.back().last + 1) {
      ranges_.back().last = std::max(ranges_.back().last, range.last);
    } else {
      ranges_.push_back(range);
    }
  }
}

CodePointSet CodePointSet::inverted() const {
  std::vector<CodePointRange> gaps;
  char32_t next = 0;
  for (const CodePointRange& range : ranges_) {
    if (range.first > next) gaps.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= kMaxCodePoint) gaps.push_back({next, kMaxCodePoint});
  return CodePointSet(gaps);
}

CodePointSet CodePointSet::without(const CodePointSet& other) const { return within(other.inverted()); }

CodePointSet CodePointSet::within(const CodePointSet& other) const {
  std::vector<CodePointRange> both;
  for (std::size_t i = 0, j = 0; i < ranges_.size() && j < other.ranges_.size();) {
    add_overlap(both, ranges_[i], other.ranges_[j]);
    if (ranges_[i].last < other.ranges_[j].last) {
      ++i;
    } else {
      ++j;
    }
  }
  return CodePointSet(both);
}

CodePointSet CodePointSet::any_case() const {
  std::vector<CodePointRange> ranges = ranges_;
  for (const CodePointRange& range : ranges_) {
    for (const CasePairs& pairs : kCasePairs) add_other_case(ranges, range, pairs);
  }
  return CodePointSet(ranges);
}

bool CodePointSet::contains(char32_t value) const {
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [&](const CodePointRange& range) { return range.first <= value && value <= range.last; });
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::optional<CodePoint> point = decode_code_point(text, at);
    if (!point) return false;
    at += point->bytes;
  }
  return true;
}

}  // namespace fllm
