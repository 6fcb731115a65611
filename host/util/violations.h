// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <string>
#include <string_view>
#include <vector>

#include "fundamentallm/result.h"

namespace fllm {

/// Collects what is wrong, as "name: value: what is allowed". Allocates only where something is.
class Violations {
 public:
  template <class T>
  requires std::integral<T> || std::floating_point<T>
  void require(bool holds, std::string_view name, T value, std::string_view allowed) {
    if (holds) return;
    std::array<char, 32> digits{};
    const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    add(name, std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())), allowed);
  }
  void add(std::string_view name, std::string_view value, std::string_view allowed) {
    found_.push_back(std::string(name) + ": " + std::string(value) + ": " + std::string(allowed));
  }

  [[nodiscard]] const std::vector<std::string>& lines() const { return found_; }

 private:
  std::vector<std::string> found_;
};

/// Exception(kInvalidArgument) with the lines, when there are any.
inline void refuse_violations(const std::vector<std::string>& found) {
  if (found.empty()) return;
  std::string text;
  for (const std::string& line : found) text += (text.empty() ? "" : "\n") + line;
  throw Exception(ErrorCode::kInvalidArgument, text);
}

}  // namespace fllm
