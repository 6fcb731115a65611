// SPDX-License-Identifier: Apache-2.0
#include "host/model/gguf_value.h"

#include <fmt/core.h>

#include <array>
#include <cstring>
#include <limits>

namespace fllm {
namespace {

struct TypeFacts {
  std::string_view name;
  std::uint32_t bytes = 0;  // of a number; 0: the value says
};
constexpr std::array<TypeFacts, 13> kTypes = {{{"UINT8", 1},
                                               {"INT8", 1},
                                               {"UINT16", 2},
                                               {"INT16", 2},
                                               {"UINT32", 4},
                                               {"INT32", 4},
                                               {"FLOAT32", 4},
                                               {"BOOL", 1},
                                               {"STRING", 0},
                                               {"ARRAY", 0},
                                               {"UINT64", 8},
                                               {"INT64", 8},
                                               {"FLOAT64", 8}}};

std::uint64_t number_bytes(GgufType type) { return kTypes[static_cast<std::size_t>(type)].bytes; }

template <class T>
T load(std::span<const std::byte> bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

GgufType checked_type(const ByteReader& reader, std::uint32_t number) {
  if (number >= kTypes.size()) reader.fail(fmt::format("value type {}: must be in [0, {})", number, kTypes.size()));
  return static_cast<GgufType>(number);
}

void check_flags(const ByteReader& reader, std::span<const std::byte> flags) {
  for (const std::byte flag : flags) {
    if (flag > std::byte{1}) reader.fail(fmt::format("BOOL {}: must be 0 or 1", static_cast<int>(flag)));
  }
}

std::span<const std::byte> take_string(ByteReader& reader) {
  return reader.take_bytes(reader.take<std::uint64_t>("the length of a string"), "a string");
}

GgufValue take_value(ByteReader& reader, GgufType type, int nesting);

/// Walks the elements, so that later reads need no checks, and cuts them out.
std::span<const std::byte> take_elements(ByteReader& reader, const GgufValue& array, int nesting) {
  if (const std::uint64_t each = number_bytes(array.element); each != 0) {
    const bool countable = array.count <= std::numeric_limits<std::uint64_t>::max() / each;
    if (!countable) reader.fail(fmt::format("an array of {} elements: longer than the file", array.count));
    return reader.take_bytes(array.count * each, "an array");
  }
  ByteReader end = reader;
  for (std::uint64_t i = 0; i < array.count; ++i) (void)take_value(end, array.element, nesting + 1);
  return reader.take_bytes(end.position() - reader.position(), "an array");
}

GgufValue take_value(ByteReader& reader, GgufType type, int nesting) {
  GgufValue value;
  value.type = type;
  if (type == GgufType::kString) {
    value.bytes = take_string(reader);
  } else if (type == GgufType::kArray) {
    if (nesting == kMaxGgufNesting) reader.fail(fmt::format("arrays nested deeper than {} levels", kMaxGgufNesting));
    value.element = checked_type(reader, reader.take<std::uint32_t>("the type of an array's elements"));
    value.count = reader.take<std::uint64_t>("the length of an array");
    value.bytes = take_elements(reader, value, nesting);
    if (value.element == GgufType::kBool) check_flags(reader, value.bytes);
  } else {
    value.bytes = reader.take_bytes(number_bytes(type), type_name(type));
    if (type == GgufType::kBool) check_flags(reader, value.bytes);
  }
  return value;
}

}  // namespace

std::string_view type_name(GgufType type) { return kTypes[static_cast<std::size_t>(type)].name; }

bool is_integer(GgufType type) {
  return number_bytes(type) != 0 && type != GgufType::kBool && type != GgufType::kFloat32 && type != GgufType::kFloat64;
}

std::optional<std::int64_t> GgufValue::integer() const {
  switch (type) {
    case GgufType::kUint8:
      return load<std::uint8_t>(bytes);
    case GgufType::kInt8:
      return load<std::int8_t>(bytes);
    case GgufType::kUint16:
      return load<std::uint16_t>(bytes);
    case GgufType::kInt16:
      return load<std::int16_t>(bytes);
    case GgufType::kUint32:
      return load<std::uint32_t>(bytes);
    case GgufType::kInt32:
      return load<std::int32_t>(bytes);
    case GgufType::kInt64:
      return load<std::int64_t>(bytes);
    case GgufType::kUint64: {
      const auto value = load<std::uint64_t>(bytes);
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
      return static_cast<std::int64_t>(value);
    }
    default:
      return std::nullopt;
  }
}

std::optional<double> GgufValue::real() const {
  if (type == GgufType::kFloat32) return load<float>(bytes);
  if (type == GgufType::kFloat64) return load<double>(bytes);
  return std::nullopt;
}

std::optional<bool> GgufValue::flag() const {
  if (type != GgufType::kBool) return std::nullopt;
  return bytes[0] != std::byte{0};
}

std::optional<std::string_view> GgufValue::text() const {
  if (type != GgufType::kString) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

GgufValue GgufValue::number_at(std::uint64_t index) const {
  const std::uint64_t each = number_bytes(element);
  GgufValue number;
  number.type = element;
  number.bytes = bytes.subspan(static_cast<std::size_t>(index * each), each);
  return number;
}

std::optional<std::vector<GgufValue>> GgufValue::elements() const {
  if (type != GgufType::kArray) return std::nullopt;
  std::vector<GgufValue> values;
  values.reserve(static_cast<std::size_t>(count));  // every element has at least a byte
  ByteReader reader(bytes, "checked metadata");
  for (std::uint64_t i = 0; i < count; ++i) values.push_back(take_value(reader, element, 1));
  return values;
}

std::optional<std::vector<std::string_view>> GgufValue::texts() const {
  if (type != GgufType::kArray || element != GgufType::kString) return std::nullopt;
  std::vector<std::string_view> values;
  values.reserve(static_cast<std::size_t>(count));
  ByteReader reader(bytes, "checked metadata");
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto characters = take_string(reader);
    values.emplace_back(reinterpret_cast<const char*>(characters.data()), characters.size());
  }
  return values;
}

GgufValue read_gguf_value(ByteReader& reader, std::uint32_t type) {
  return take_value(reader, checked_type(reader, type), 0);
}

}  // namespace fllm
