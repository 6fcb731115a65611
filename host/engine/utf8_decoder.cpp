// SPDX-License-Identifier: Apache-2.0
#include "host/engine/utf8_decoder.h"

namespace fllm {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

}  // namespace

void Utf8Decoder::feed(std::string_view bytes, std::string& out) {
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    if (missing_ == 0) {
      start(byte, out);
    } else if (value < low_ || value > high_) {
      finish(out);
      start(byte, out);
    } else {
      low_ = 0x80;
      high_ = 0xbf;
      if (--missing_ > 0) {
        held_[held_count_++] = byte;
      } else {
        out.append(held_.data(), held_count_);
        out.push_back(byte);
        held_count_ = 0;
      }
    }
  }
}

void Utf8Decoder::finish(std::string& out) {
  if (missing_ > 0) out += kReplacement;
  missing_ = held_count_ = 0;
  low_ = 0x80;
  high_ = 0xbf;
}

// The bounds of the second byte keep out overlong forms, surrogates and code points above U+10FFFF.
void Utf8Decoder::start(char byte, std::string& out) {
  const auto value = static_cast<unsigned char>(byte);
  if (value < 0x80) {
    out.push_back(byte);
    return;
  }
  if (value >= 0xc2 && value <= 0xdf) {
    missing_ = 1;
  } else if (value >= 0xe0 && value <= 0xef) {
    missing_ = 2;
    if (value == 0xe0) low_ = 0xa0;
    if (value == 0xed) high_ = 0x9f;
  } else if (value >= 0xf0 && value <= 0xf4) {
    missing_ = 3;
    if (value == 0xf0) low_ = 0x90;
    if (value == 0xf4) high_ = 0x8f;
  } else {
    out += kReplacement;
    return;
  }
  held_[0] = byte;
  held_count_ = 1;
}

}  // namespace fllm
