// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/code_points.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>

#include "host/constraint/case_folding.h"
#include "host/tokenizer/utf8.h"

namespace fllm {
namespace {

constexpr CodePointRange kSurrogates{0xD800, 0xDFFF};

void add_overlap(std::vector<CodePointRange>& out, const CodePointRange& a, const CodePointRange& b) {
  const CodePointRange both{std::max(a.first, b.first), std::min(a.last, b.last)};
  if (both.first <= both.last) out.push_back(both);
}

/// The members of a run in `range`, moved by its distance; or, back, those whose images are in it.
void add_images(std::vector<CodePointRange>& out, const CodePointRange& range, const CaseFoldingRun& run, bool back) {
  const auto moved = [](char32_t value, std::int32_t by) {
    return static_cast<char32_t>(static_cast<std::int32_t>(value) + by);
  };
  const CodePointRange from{back ? moved(run.first, run.distance) : run.first,
                            back ? moved(run.last, run.distance) : run.last};
  const std::int32_t by = back ? -run.distance : run.distance;
  const CodePointRange both{std::max(range.first, from.first), std::min(range.last, from.last)};
  if (both.first > both.last) return;
  if (run.stride == 1) {
    out.push_back({moved(both.first, by), moved(both.last, by)});
    return;
  }
  const auto stride = static_cast<char32_t>(run.stride);
  const char32_t skipped = (both.first - from.first + stride - 1) / stride;
  for (char32_t value = from.first + skipped * stride; value <= both.last; value += stride) {
    out.push_back({moved(value, by), moved(value, by)});
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
  CodePointSet set = *this;
  for (const bool back : {false, true}) {  // what they fold to, then all that folds to the same
    std::vector<CodePointRange> ranges = set.ranges_;
    for (const CodePointRange& range : set.ranges_) {
      for (const CaseFoldingRun& run : case_folding()) add_images(ranges, range, run, back);
    }
    set = CodePointSet(ranges);
  }
  return set;
}

bool CodePointSet::contains(char32_t value) const {
  const auto after =
      std::upper_bound(ranges_.begin(), ranges_.end(), value,
                       [](char32_t wanted, const CodePointRange& range) { return wanted < range.first; });
  return after != ranges_.begin() && value <= std::prev(after)->last;
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
