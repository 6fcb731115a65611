// SPDX-License-Identifier: Apache-2.0
#include "host/util/quoted_text.h"

#include <fmt/core.h>

namespace fllm {

std::string quoted_text(std::string_view text) {
  constexpr std::size_t kMaxBytes = 80;
  std::size_t shown = text.size();
  if (shown > kMaxBytes) {
    shown = kMaxBytes;
    while (shown > 0 && (static_cast<unsigned char>(text[shown]) & 0xC0) == 0x80) --shown;  // not within a character
  }
  std::string out(1, '"');
  for (const char c : text.substr(0, shown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02X}", byte);
    } else {
      out += c;
    }
  }
  out += shown < text.size() ? "...\"" : "\"";
  return out;
}

}  // namespace fllm
