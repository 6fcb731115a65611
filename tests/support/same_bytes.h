// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <vector>

namespace fllm::test {

/// Whether two arrays hold the same bytes: stricter than ==, which takes -0 for 0 and NaN for nothing. Empty ones are the same.
template <class T, class U>
bool same_bytes(const std::vector<T>& a, const std::vector<U>& b) {
  static_assert(sizeof(T) == sizeof(U));
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

}  // namespace fllm::test
