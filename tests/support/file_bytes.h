// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace fllm::test {

/// A number, or numbers, as they lie in a file.
template <class T>
requires std::is_arithmetic_v<T> std::string bytes_of(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(T)};
}
template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

inline std::span<const std::byte> view_of(std::string_view bytes) { return std::as_bytes(std::span(bytes)); }

}  // namespace fllm::test
