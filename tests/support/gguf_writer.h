// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/file_bytes.h"

/// GGUF files by hand, with every field a test may want to get wrong.
namespace fllm::test::gguf {

/// A length and the bytes.
inline std::string string(std::string_view text) { return bytes_of<std::uint64_t>(text.size()).append(text); }

// Values with their type in front, as a key has them.
template <class T>
std::string number(std::uint32_t type, T value) {
  return bytes_of(type) + bytes_of(value);
}
inline std::string u32(std::uint32_t value) { return number(4, value); }
inline std::string flag(bool value) { return number<std::uint8_t>(7, value ? 1 : 0); }
inline std::string text(std::string_view value) { return bytes_of<std::uint32_t>(8) + string(value); }
/// count elements of a type, as given.
inline std::string array(std::uint32_t type, std::uint64_t count, std::string_view elements) {
  return (bytes_of<std::uint32_t>(9) + bytes_of(type) + bytes_of(count)).append(elements);
}
inline std::string texts(const std::vector<std::string>& values) {
  std::string elements;
  for (const std::string& value : values) elements += string(value);
  return array(8, values.size(), elements);
}
inline std::string i32s(const std::vector<std::int32_t>& values) { return array(5, values.size(), bytes_of(values)); }
inline std::string f32s(const std::vector<float>& values) { return array(6, values.size(), bytes_of(values)); }

struct Tensor {
  std::string name;
  std::vector<std::uint64_t> dimensions;  // innermost first, as in the file
  std::uint32_t type = 0;
  std::string content = {};
  std::optional<std::uint64_t> offset = {};  // else the next free one
  std::optional<std::uint32_t> dimension_count = {};
  std::optional<std::uint64_t> name_length = {};
};

struct File {
  std::string magic = "GGUF";
  std::uint32_t version = 3;
  std::vector<std::pair<std::string, std::string>> keys;  // name; type and value
  std::vector<Tensor> tensors;
  std::optional<std::uint64_t> tensor_count, key_count, first_key_length;
  std::uint64_t alignment = 32;  // of what is written; a key may claim another
  std::uint64_t cut = 0;         // bytes missing at the end
};

inline void pad(std::string& bytes, std::uint64_t alignment) {
  while (bytes.size() % alignment != 0) bytes.push_back('\0');
}

inline std::string file(const File& f) {
  std::string bytes = f.magic + bytes_of(f.version) +
                      bytes_of<std::uint64_t>(f.tensor_count.value_or(f.tensors.size())) +
                      bytes_of<std::uint64_t>(f.key_count.value_or(f.keys.size()));
  for (std::size_t i = 0; i < f.keys.size(); ++i) {
    const auto& [name, value] = f.keys[i];
    bytes += bytes_of<std::uint64_t>(i == 0 ? f.first_key_length.value_or(name.size()) : name.size());
    bytes += name;
    bytes += value;
  }
  std::string data;
  for (const Tensor& t : f.tensors) {
    pad(data, f.alignment);
    bytes += bytes_of<std::uint64_t>(t.name_length.value_or(t.name.size())) + t.name;
    bytes += bytes_of<std::uint32_t>(t.dimension_count.value_or(t.dimensions.size())) + bytes_of(t.dimensions);
    bytes += bytes_of(t.type) + bytes_of<std::uint64_t>(t.offset.value_or(data.size()));
    data += t.content;
  }
  pad(bytes, f.alignment);
  bytes += data;
  bytes.resize(bytes.size() - f.cut);
  return bytes;
}

}  // namespace fllm::test::gguf
