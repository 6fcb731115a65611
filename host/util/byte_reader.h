// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace fllm {

static_assert(std::endian::native == std::endian::little, "files are little-endian, and their bytes are used in place");

/// Takes values off the bytes of a hostile file, front to back, and never past their end. Errors are
/// Exception(kBadFormat): "source: item: what went wrong". Views bytes and names, which must outlive it.
class ByteReader {
 public:
  ByteReader(std::span<const std::byte> bytes, std::string_view source) : bytes_(bytes), source_(source) {}

  /// Names what the next bytes belong to, for messages: a kind ("key", "tensor") and a name out of the file.
  void enter(std::string_view kind, std::string_view name) {
    item_kind_ = kind;
    item_name_ = name;
  }
  void leave() { item_kind_ = {}; }

  [[nodiscard]] std::uint64_t position() const { return position_; }
  [[nodiscard]] std::uint64_t left() const { return bytes_.size() - position_; }

  /// The next count bytes; what they are is told when the file ends before.
  std::span<const std::byte> take_bytes(std::uint64_t count, std::string_view what) {
    if (count > left()) fail_short(count, what);
    const auto taken = bytes_.subspan(static_cast<std::size_t>(position_), static_cast<std::size_t>(count));
    position_ += count;
    return taken;
  }
  /// The next bytes as a number.
  template <class T>
  T take(std::string_view what) {
    T value;
    std::memcpy(&value, take_bytes(sizeof(T), what).data(), sizeof(T));
    return value;
  }

  [[noreturn]] void fail(std::string_view what) const;

 private:
  [[noreturn]] void fail_short(std::uint64_t count, std::string_view what) const;

  std::span<const std::byte> bytes_;
  std::string_view source_;
  std::string_view item_kind_, item_name_;
  std::uint64_t position_ = 0;
};

}  // namespace fllm
