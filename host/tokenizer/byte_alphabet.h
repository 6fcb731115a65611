// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fllm {

/// The alphabet in which byte-level vocabularies are written (GPT-2's encoder.py, bytes_to_unicode): each byte has one
/// printable code point. Printable bytes of Latin-1 stand for themselves; the others are U+0100 and on, in their order.
[[nodiscard]] char32_t byte_to_letter(std::uint8_t byte);

/// The bytes that a piece spells in the alphabet; empty when one of its characters is no letter of it.
/// Precondition: piece is UTF-8.
[[nodiscard]] std::optional<std::string> spelled_bytes(std::string_view piece);

}  // namespace fllm
