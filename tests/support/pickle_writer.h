// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Pickles by hand: each function gives the opcodes that leave one value on the stack, so values nest by concatenation.
namespace fllm::test::pickle {

inline std::string little_endian(std::uint64_t value, int bytes) {
  std::string result;
  for (int i = 0; i < bytes; ++i) result.push_back(static_cast<char>(value >> (8 * i)));
  return result;
}
inline std::string text(std::string_view value) {
  std::string result = "X";
  result += little_endian(value.size(), 4);
  result += value;
  return result;
}
inline std::string integer(std::int64_t value) {
  std::string result = "\x8a\x08";
  result += little_endian(static_cast<std::uint64_t>(value), 8);
  return result;
}
inline std::string real(double value) {
  const auto bits = __builtin_bit_cast(std::uint64_t, value);
  std::string result = "G";
  for (int i = 7; i >= 0; --i) result.push_back(static_cast<char>(bits >> (8 * i)));
  return result;
}
inline std::string global(std::string_view module, std::string_view name) {
  std::string result = "c";
  result.append(module).append("\n").append(name).append("\n");
  return result;
}
inline std::string tuple(const std::vector<std::string>& items) {
  std::string result = "(";
  for (const std::string& item : items) result += item;
  return result + "t";
}
inline std::string integers(const std::vector<std::int64_t>& values) {
  std::vector<std::string> items;
  items.reserve(values.size());
  for (const std::int64_t value : values) items.push_back(integer(value));
  return tuple(items);
}
inline std::string dict(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string result = "}(";
  for (const auto& [key, value] : items) result += text(key) + value;
  return result + "u";
}
inline std::string call(const std::string& function, const std::vector<std::string>& arguments) {
  return function + tuple(arguments) + "R";
}
inline std::string ordered_dict() { return call(global("collections", "OrderedDict"), {}); }

struct Tensor {
  std::string key = "0";
  std::string type = "FloatStorage";
  std::int64_t storage_elements = 0;
  std::int64_t offset = 0;
  std::vector<std::int64_t> shape = {};
  std::vector<std::int64_t> strides = {};
};
inline std::string storage(const Tensor& t) {
  return tuple({text("storage"), global("torch", t.type), text(t.key), text("cpu"), integer(t.storage_elements)}) + "Q";
}
inline std::string tensor(const Tensor& t) {
  return call(global("torch._utils", "_rebuild_tensor_v2"),
              {storage(t), integer(t.offset), integers(t.shape), integers(t.strides), "\x89", ordered_dict()});
}
/// A row-major tensor over a storage of its own.
inline std::string tensor(const std::string& key, const std::vector<std::int64_t>& shape) {
  Tensor t{.key = key, .storage_elements = 1, .shape = shape, .strides = shape};
  for (std::size_t d = shape.size(); d-- > 0;) {
    t.strides[d] = t.storage_elements;
    t.storage_elements *= shape[d];
  }
  return tensor(t);
}
inline std::string file(const std::string& value) {
  std::string result = "\x80\x02";
  result.append(value).append(".");
  return result;
}

}  // namespace fllm::test::pickle
