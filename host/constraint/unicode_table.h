// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace fllm {

struct UnicodeName {
  std::string_view name;
  std::uint32_t value = 0;
};

/// A property of all code points.
struct UnicodeTable {
  std::span<const UnicodeName> names;   // of its values, some of which have several
  std::span<const std::uint32_t> runs;  // ascending: the first code point with a value << 8 | the value
};

[[nodiscard]] UnicodeTable unicode_categories();
[[nodiscard]] UnicodeTable unicode_scripts();

}  // namespace fllm
