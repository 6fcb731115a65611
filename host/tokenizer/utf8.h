// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace fllm {

struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 0;  // 1 to 4
};

/// The code point at text[offset], by the strict rules of Unicode: no overlong form, no surrogate, nothing above
/// U+10FFFF. Empty for an invalid or cut sequence. Precondition: offset < text.size().
[[nodiscard]] std::optional<CodePoint> decode_code_point(std::string_view text, std::size_t offset);

/// Exception(kInvalidArgument) names the byte offset and the byte where text stops being UTF-8.
void require_utf8(std::string_view text);

/// Precondition: value is a Unicode scalar value.
[[nodiscard]] std::string encode_code_point(char32_t value);

}  // namespace fllm
