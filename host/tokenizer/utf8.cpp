// SPDX-License-Identifier: Apache-2.0
#include "host/tokenizer/utf8.h"

#include <fmt/core.h>

#include "fundamentallm/result.h"

namespace fllm {

std::optional<CodePoint> decode_code_point(std::string_view text, std::size_t offset) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[offset + i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return CodePoint{lead, 1};
  std::size_t bytes = 0;
  if (lead >= 0xc2 && lead < 0xe0) bytes = 2;
  if (lead >= 0xe0 && lead < 0xf0) bytes = 3;
  if (lead >= 0xf0 && lead < 0xf5) bytes = 4;
  if (bytes == 0 || text.size() - offset < bytes) return std::nullopt;

  char32_t value = lead & (0x7fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0u) != 0x80u) return std::nullopt;
    value = (value << 6) | (byte(i) & 0x3fu);
  }
  const bool overlong = (bytes == 3 && value < 0x800) || (bytes == 4 && value < 0x10000);
  const bool surrogate = value >= 0xd800 && value < 0xe000;
  if (overlong || surrogate || value > 0x10ffff) return std::nullopt;
  return CodePoint{value, bytes};
}

void require_utf8(std::string_view text) {
  for (std::size_t offset = 0; offset < text.size();) {
    if (static_cast<unsigned char>(text[offset]) < 0x80) {
      ++offset;
      continue;
    }
    const std::optional<CodePoint> character = decode_code_point(text, offset);
    if (!character) {
      throw Exception(ErrorCode::kInvalidArgument, fmt::format("invalid UTF-8 at byte offset {} (byte 0x{:02x})",
                                                               offset, static_cast<unsigned char>(text[offset])));
    }
    offset += character->bytes;
  }
}

std::string encode_code_point(char32_t value) {
  std::string bytes;
  const auto push = [&](unsigned byte) { bytes.push_back(static_cast<char>(byte)); };
  const auto push_tail = [&](int shift) { push(0x80u | ((value >> shift) & 0x3fu)); };
  if (value < 0x80) {
    push(value);
  } else if (value < 0x800) {
    push(0xc0u | (value >> 6));
    push_tail(0);
  } else if (value < 0x10000) {
    push(0xe0u | (value >> 12));
    push_tail(6);
    push_tail(0);
  } else {
    push(0xf0u | (value >> 18));
    push_tail(12);
    push_tail(6);
    push_tail(0);
  }
  return bytes;
}

}  // namespace fllm
