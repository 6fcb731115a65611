// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fundamentallm/result.h"

namespace fllm {

/// Takes a pickle's bytes from front to back. Every error names the source and the offset of the opcode being read.
class PickleReader {
 public:
  static constexpr std::size_t kMaxNameBytes = 256;

  /// bytes and source outlive the reader.
  PickleReader(std::string_view bytes, const std::string& source) : bytes_(bytes), source_(source) {}

  [[noreturn]] void fail(const std::string& what, ErrorCode code) const;

  std::uint8_t opcode() {
    opcode_offset_ = position_;
    return integer<std::uint8_t>();
  }
  std::string_view take(std::uint64_t count);
  template <class T>
  T integer() {
    return static_cast<T>(little_endian(take(sizeof(T))));
  }
  std::int64_t long1();  // a byte count up to 8, then a signed integer
  double big_endian_double();
  std::string_view line();  // up to a newline, which is taken too

 private:
  static std::uint64_t little_endian(std::string_view bytes);

  std::string_view bytes_;
  const std::string& source_;
  std::size_t position_ = 0;
  std::size_t opcode_offset_ = 0;
};

}  // namespace fllm
