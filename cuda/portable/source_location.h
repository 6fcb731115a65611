// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <version>

#if defined(__cpp_lib_source_location)
#include <source_location>
#else
#include <cstdint>
#endif

namespace fllm {

#if defined(__cpp_lib_source_location)
using SourceLocation = std::source_location;
#else
/// std::source_location as far as it is used here, for Clang before 16, which cannot compile the library's.
class SourceLocation {
 public:
  constexpr SourceLocation() = default;
  [[nodiscard, gnu::always_inline]] static constexpr SourceLocation current(
      const char* file = __builtin_FILE(), std::uint_least32_t line = __builtin_LINE(),
      std::uint_least32_t column = __builtin_COLUMN()) {
    return {file, line, column};
  }

  [[nodiscard]] constexpr const char* file_name() const { return file_; }
  [[nodiscard]] constexpr std::uint_least32_t line() const { return line_; }
  [[nodiscard]] constexpr std::uint_least32_t column() const { return column_; }

 private:
  constexpr SourceLocation(const char* file, std::uint_least32_t line, std::uint_least32_t column)
      : file_(file), line_(line), column_(column) {}

  const char* file_ = "";
  std::uint_least32_t line_ = 0;
  std::uint_least32_t column_ = 0;
};
#endif

}  // namespace fllm
