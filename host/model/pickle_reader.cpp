// SPDX-License-Identifier: Apache-2.0
#include "host/model/pickle_reader.h"

#include <fmt/core.h>

#include <bit>

namespace fllm {

void PickleReader::fail(const std::string& what, ErrorCode code) const {
  throw Exception(code, fmt::format("{}: byte {}: {}", source_, opcode_offset_, what));
}

std::string_view PickleReader::take(std::uint64_t count) {
  const std::size_t left = bytes_.size() - position_;
  if (count > left) fail(fmt::format("{} more bytes are needed, {} are left", count, left), ErrorCode::kBadFormat);
  const std::string_view result = bytes_.substr(position_, static_cast<std::size_t>(count));
  position_ += static_cast<std::size_t>(count);
  return result;
}

std::uint64_t PickleReader::little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return value;
}

std::int64_t PickleReader::long1() {
  const std::string_view bytes = take(integer<std::uint8_t>());
  if (bytes.empty()) return 0;
  if (bytes.size() > 8) {
    fail(fmt::format("an integer of {} bytes, at most 8 are allowed", bytes.size()), ErrorCode::kBadFormat);
  }
  const std::size_t unused = 64 - 8 * bytes.size();
  return static_cast<std::int64_t>(little_endian(bytes) << unused) >> unused;  // extends the sign
}

double PickleReader::big_endian_double() {
  std::uint64_t bits = 0;
  for (const char byte : take(8)) bits = (bits << 8) | static_cast<unsigned char>(byte);
  return std::bit_cast<double>(bits);
}

std::string_view PickleReader::line() {
  const std::size_t end = bytes_.substr(position_, kMaxNameBytes + 1).find('\n');
  if (end == std::string_view::npos) {
    fail(fmt::format("a name longer than {} bytes, or cut short", kMaxNameBytes), ErrorCode::kBadFormat);
  }
  const std::string_view result = take(end);
  take(1);
  return result;
}

}  // namespace fllm
