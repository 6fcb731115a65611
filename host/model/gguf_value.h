// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "host/util/byte_reader.h"

namespace fllm {

/// The types of metadata values, with the numbers a GGUF stores.
enum class GgufType : std::uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

/// "UINT8", as the format's description spells it.
[[nodiscard]] std::string_view type_name(GgufType type);
[[nodiscard]] bool is_integer(GgufType type);

/// A value as it lies in the file, checked to be whole: a view, decoded when it is asked for, so that arrays of 100,000
/// strings are not copied.
struct GgufValue {
  GgufType type = GgufType::kUint8;
  std::span<const std::byte> bytes;  // of a number; a string's characters; an array's elements as stored
  GgufType element = GgufType::kUint8;
  std::uint64_t count = 0;  // of an array's elements

  /// The value, or none where the type is another (integer: any integer type, and no more than 2^63 - 1).
  [[nodiscard]] std::optional<std::int64_t> integer() const;
  [[nodiscard]] std::optional<double> real() const;  // FLOAT32 or FLOAT64
  [[nodiscard]] std::optional<bool> flag() const;
  [[nodiscard]] std::optional<std::string_view> text() const;
  /// An element of an array of numbers. Precondition: it is one, and index < count.
  [[nodiscard]] GgufValue number_at(std::uint64_t index) const;
  /// The elements of an array, or none where it is no array.
  [[nodiscard]] std::optional<std::vector<GgufValue>> elements() const;
  /// The elements where they are strings.
  [[nodiscard]] std::optional<std::vector<std::string_view>> texts() const;
};

inline constexpr int kMaxGgufNesting = 4;  // arrays in arrays; files have one level

/// Takes a value of a type by the type's number. Refuses (kBadFormat) unknown types, a BOOL that is neither 0 nor 1,
/// arrays nested deeper than kMaxGgufNesting, and whatever does not end before the file does.
[[nodiscard]] GgufValue read_gguf_value(ByteReader& reader, std::uint32_t type);

}  // namespace fllm
