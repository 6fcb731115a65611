// SPDX-License-Identifier: Apache-2.0
#include "host/tokenizer/byte_alphabet.h"

#include <array>

#include "host/tokenizer/utf8.h"

namespace fllm {
namespace {

constexpr char32_t kFirstMoved = 0x100;

constexpr bool stands_for_itself(unsigned byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xff && byte != 0xad);
}

struct Alphabet {
  std::array<char32_t, 256> letters{};
  std::array<std::uint8_t, 256> moved{};  // by letter - kFirstMoved
  unsigned moved_count = 0;
};

constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (stands_for_itself(byte)) {
      alphabet.letters[byte] = byte;
    } else {
      alphabet.letters[byte] = kFirstMoved + alphabet.moved_count;
      alphabet.moved[alphabet.moved_count++] = static_cast<std::uint8_t>(byte);
    }
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = make_alphabet();

}  // namespace

char32_t byte_to_letter(std::uint8_t byte) { return kAlphabet.letters[byte]; }

std::optional<std::string> spelled_bytes(std::string_view piece) {
  std::string bytes;
  for (std::size_t offset = 0; offset < piece.size();) {
    const std::optional<CodePoint> letter = decode_code_point(piece, offset);
    if (!letter) return std::nullopt;
    if (letter->value < kFirstMoved) {
      if (!stands_for_itself(letter->value)) return std::nullopt;
      bytes.push_back(static_cast<char>(letter->value));
    } else {
      const char32_t index = letter->value - kFirstMoved;
      if (index >= kAlphabet.moved_count) return std::nullopt;
      bytes.push_back(static_cast<char>(kAlphabet.moved[index]));
    }
    offset += letter->bytes;
  }
  return bytes;
}

}  // namespace fllm
