// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace fllm {

/// Turns a stream of bytes into valid UTF-8. A character is passed on when its last byte is there; each maximal subpart
/// of an ill-formed sequence becomes one U+FFFD (Unicode 15, section 3.9, as in the WHATWG Encoding Standard).
class Utf8Decoder {
 public:
  void feed(std::string_view bytes, std::string& out);
  /// The end of the stream: an unfinished character becomes U+FFFD.
  void finish(std::string& out);

 private:
  void start(char byte, std::string& out);

  std::array<char, 3> held_{};
  std::size_t held_count_ = 0;
  std::size_t missing_ = 0;                 // continuation bytes still to come
  unsigned char low_ = 0x80, high_ = 0xbf;  // what the next one may be
};

}  // namespace fllm
