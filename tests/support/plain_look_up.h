// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fllm::test {

/// What prompt look-up drafts: every n-gram, the longest first, against every earlier place, the latest first.
inline std::vector<std::int32_t> plainly_looked_up(std::vector<std::int32_t> text, std::int32_t max_ngram,
                                                   std::int32_t count) {
  const auto size = static_cast<std::ptrdiff_t>(text.size());
  for (std::ptrdiff_t n = std::min<std::ptrdiff_t>(max_ngram, size - 1); n >= 1; --n) {
    for (std::ptrdiff_t end = size - 1; end >= n; --end) {
      if (!std::equal(text.end() - n, text.end(), text.begin() + end - n)) continue;
      for (std::int32_t i = 0; i < count; ++i) text.push_back(text[static_cast<std::size_t>(end + i)]);
      return {text.begin() + size, text.end()};
    }
  }
  return {};
}

}  // namespace fllm::test
