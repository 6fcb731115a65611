// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fllm::cli {

/// For a terminal: control characters and bad bytes as \n, \t or \xNN, so that foreign text cannot steer it.
[[nodiscard]] std::string printable(std::string_view text);

/// For messages: printable, in quotes, long text cut.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// The offset of the first byte that is not part of well-formed UTF-8 (Unicode 15, table 3-7).
[[nodiscard]] std::optional<std::size_t> invalid_utf8_offset(std::string_view text);

/// The code points of well-formed UTF-8, each as its bytes.
[[nodiscard]] std::vector<std::string> code_points(std::string_view text);

/// Whether word is one of "a|b|c"; every word is when choices is empty.
[[nodiscard]] bool is_choice(std::string_view choices, std::string_view word);
/// "a|b|c" as "a, b, c".
[[nodiscard]] std::string readable_choices(std::string_view choices);

[[nodiscard]] bool is_blank(std::string_view text);
[[nodiscard]] std::string_view trimmed(std::string_view text);
[[nodiscard]] std::string joined(const std::vector<std::string>& parts, std::string_view separator);

/// "1,234,567".
[[nodiscard]] std::string grouped(long long number);
/// "4.9 MB" (powers of 1000).
[[nodiscard]] std::string readable_bytes(long long bytes);

}  // namespace fllm::cli
