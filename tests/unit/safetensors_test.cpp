// SPDX-License-Identifier: Apache-2.0
#include "host/model/safetensors_file.h"

#include <gtest/gtest.h>

#include "host/model/safetensors_index.h"
#include "tests/support/expect_error.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"

namespace fllm {
namespace {

using test::bytes_of;
using test::expect_error;
using test::view_of;

std::string file_of(const std::string& header, const std::string& data) {
  return bytes_of<std::uint64_t>(header.size()) + header + data;
}

/// The entry of a tensor.
std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

const std::string kData = bytes_of(std::vector<float>{1, 2, 3, 4, 5, 6});  // 24 bytes
const std::string kWhole = entry("w", "F32", "[2,3]", "[0,24]");

void expect_bad(const std::string& header, const std::vector<std::string>& parts,
                ErrorCode code = ErrorCode::kBadFormat, const std::string& data = kData) {
  std::vector<std::string> all = {"f.safetensors"};
  all.insert(all.end(), parts.begin(), parts.end());
  const std::string bytes = file_of(header, data);
  expect_error(code, all, [&] { (void)SafetensorsFile::from_memory(view_of(bytes), "f.safetensors"); });
}

std::vector<float> read(const TensorSource& file, std::string_view name, std::size_t count) {
  std::vector<float> values(count);
  file.read(*file.find(name), values);
  return values;
}

TEST(Safetensors, ReadsEveryFloatType) {
  const std::vector<float> expected = {1, -0.5, 0};
  const std::string data = bytes_of(std::vector<double>{1, -0.5, 0}) + bytes_of(expected) +
                           bytes_of(std::vector<std::uint16_t>{0x3c00, 0xb800, 0}) +
                           bytes_of(std::vector<std::uint16_t>{0x3f80, 0xbf00, 0});
  // Not in the order of their bytes, with a scalar, a tensor without elements, and spaces behind.
  const std::string header = "{" + entry("b", "BF16", "[3]", "[42,48]") + "," + entry("f", "F32", "[3,1]", "[24,36]") +
                             "," + entry("none", "F32", "[0,7]", "[48,48]") + R"(,"__metadata__":{"format":"pt"},)" +
                             entry("h", "F16", "[3]", "[36,42]") + "," + entry("d", "F64", "[2]", "[0,16]") + "," +
                             entry("s", "F64", "[]", "[16,24]") + "}    ";
  const std::string bytes = file_of(header, data);
  const SafetensorsFile file = SafetensorsFile::from_memory(view_of(bytes), "f.safetensors");
  EXPECT_EQ(read(file, "f", 3), expected);
  EXPECT_EQ(read(file, "h", 3), expected);
  EXPECT_EQ(read(file, "b", 3), expected);
  EXPECT_EQ(read(file, "d", 2), (std::vector<float>{1, -0.5}));
  EXPECT_EQ(read(file, "s", 1), (std::vector<float>{0}));
  EXPECT_EQ(read(file, "none", 0), std::vector<float>{});
  EXPECT_EQ(file.find("f")->shape, (std::vector<std::int64_t>{3, 1}));
  EXPECT_EQ(file.tensors()[0].name, "d");
  EXPECT_EQ(file.tensors().size(), 6u);
  EXPECT_EQ(file.metadata(), (TextMap{{"format", "pt"}}));
}

TEST(Safetensors, BadLengths) {
  const std::string good = file_of("{" + kWhole + "}", kData);
  (void)SafetensorsFile::from_memory(view_of(good), "f");
  for (std::size_t size = 0; size < good.size(); ++size) {
    expect_error(ErrorCode::kBadFormat, {"f.safetensors"},
                 [&] { (void)SafetensorsFile::from_memory(view_of(good).first(size), "f.safetensors"); });
  }
  for (const std::uint64_t length : {100'000'001ull, ~0ull}) {
    const std::string bytes = bytes_of<std::uint64_t>(length) + "{}";
    expect_error(ErrorCode::kBadFormat, {"at most 100000000"},
                 [&] { (void)SafetensorsFile::from_memory(view_of(bytes), "f"); });
  }
  expect_bad("{" + kWhole + "}", {"1 unused bytes at its end"}, ErrorCode::kBadFormat, kData + "x");
}

TEST(Safetensors, BadHeaders) {
  expect_bad("", {"must begin with {"});
  expect_bad(" {}", {"must begin with {"}, ErrorCode::kBadFormat, "");
  expect_bad("{" + kWhole, {"not valid JSON"});
  expect_bad("{" + kWhole + "} x", {"not valid JSON"});
  expect_bad("{\"\xff\":1}", {"not valid JSON"});
  expect_bad(R"({"w":1})", {"tensor \"w\"", "a number is not allowed"});
  expect_bad(R"({"w":[]})", {"tensor \"w\"", "an array is not allowed"});
  expect_bad(R"({"w":null})", {"tensor \"w\"", "null is not allowed"});
  expect_bad(R"({"w":{}})", {"tensor \"w\"", "must have dtype, shape and data_offsets"});
  expect_bad(R"({"w":{"x":1}})", {"tensor \"w\"", "\"x\"", "unknown key"});
  expect_bad(R"({"w":{"dtype":{}}})", {"tensor \"w\"", "\"dtype\"", "object"});
  expect_bad(R"({"w":{"dtype":[]}})", {"tensor \"w\"", "\"dtype\"", "array"});
  expect_bad(R"({"w":{"dtype":"F32","dtype":"F32"}})", {"tensor \"w\"", "\"dtype\"", "twice"});
  expect_bad(R"({"w":{"shape":[1],"shape":[1]}})", {"tensor \"w\"", "\"shape\"", "twice"});
  expect_bad(R"({"w":{"shape":"1"}})", {"\"shape\"", "a string"});
  expect_bad(R"({"w":{"shape":1}})", {"\"shape\"", "a number"});
  expect_bad(R"({"w":{"shape":[[1]]}})", {"\"shape\"", "an array"});
  expect_bad(R"({"w":{"shape":[{}]}})", {"\"shape\"", "object"});
  expect_bad(R"({"w":{"shape":["1"]}})", {"\"shape\"", "a string"});
  expect_bad(R"({"w":{"shape":[-1]}})", {"\"shape\"", "negative"});
  expect_bad(R"({"w":{"shape":[1.5]}})", {"\"shape\"", "fraction"});
  expect_bad(R"({"w":{"shape":[99999999999999999999]}})", {"\"shape\"", "fraction"});
  expect_bad(R"({"w":{"shape":[1,1,1,1,1,1,1,1,1]}})", {"\"shape\"", "more than 8"});
  expect_bad(R"({"__metadata__":{"a":1}})", {"__metadata__", "a number"});
  expect_bad(R"({"__metadata__":{"a":"1","a":"2"}})", {"__metadata__", "\"a\"", "twice"});
  expect_bad(R"({"__metadata__":{"a":{}}})", {"__metadata__", "object"});
  expect_bad(R"({"__metadata__":{},"__metadata__":{}})", {"__metadata__", "twice"});
  expect_bad("{" + kWhole + "," + kWhole + "}", {"tensor \"w\"", "twice"});
}

TEST(Safetensors, BadTensors) {
  const auto expect_bad_entry = [](const std::string& dtype, const std::string& shape, const std::string& offsets,
                                   const std::vector<std::string>& parts) {
    expect_bad("{" + entry("w", dtype, shape, offsets) + "}", parts);
  };
  expect_bad_entry("F32", "[2,3]", "[0,20]", {"\"w\"", "[0, 20]", "24 bytes"});
  expect_bad_entry("F32", "[2,3]", "[24,0]", {"\"w\"", "[24, 0]", "ascend"});
  expect_bad_entry("F32", "[2,3]", "[0]", {"\"w\"", "two numbers"});
  expect_bad_entry("F32", "[2,3]", "[0,24,24]", {"\"w\"", "two numbers"});
  expect_bad_entry("F32", "[7]", "[0,28]", {"\"w\"", "28 bytes at offset 0", "has 24"});
  expect_bad_entry("F32", "[2]", "[18446744073709551608,18446744073709551615]", {"\"w\"", "8 bytes"});
  expect_bad_entry("F32", "[6]", "[18446744073709551588,18446744073709551612]", {"\"w\"", "reach beyond"});
  expect_bad_entry("F32", "[4294967296,4294967296]", "[0,24]", {"\"w\"", "more than 2^62"});
  expect_bad_entry("F32", "[9223372036854775808]", "[0,24]", {"\"w\"", "9223372036854775808"});
  expect_bad_entry("F32", "[4]", "[0,16]", {"8 unused bytes at its end"});
  expect_bad_entry("F32", "[4]", "[8,24]", {"\"w\"", "8 unused bytes before it"});
  expect_bad("{" + entry("a", "F32", "[4]", "[0,16]") + "," + entry("b", "F32", "[3]", "[12,24]") + "}",
             {"\"b\"", "shares bytes"});
  expect_bad("{" + entry("a", "I64", "[3]", "[0,24]") + "," + entry("b", "F8_E4M3", "[3]", "[0,3]") + "," +
                 entry("c", "I64", "[3]", "[0,24]") + "}",
             {"\"I64\" (tensor \"a\" and 1 more)", "\"F8_E4M3\" (tensor \"b\")", "F64, F32, F16, BF16"},
             ErrorCode::kUnsupported);
  expect_bad_entry("F32", "[0,3]", "[0,24]", {"\"w\"", "0 bytes"});
}

TEST(Safetensors, NoTensors) {
  const std::string bytes = file_of("{}", "");
  EXPECT_TRUE(SafetensorsFile::from_memory(view_of(bytes), "f").tensors().empty());
}

TEST(Safetensors, SeveralFiles) {
  const test::TemporaryFolder folder;
  (void)folder.write("a.safetensors", file_of("{\"__metadata__\":{\"part\":\"1\"}," + kWhole + "}", kData));
  (void)folder.write("b.safetensors",
                     file_of("{" + entry("v", "F32", "[1]", "[0,4]") + "," + entry("w", "F32", "[1]", "[4,8]") + "," +
                                 entry("empty", "F32", "[0]", "[8,8]") + "}",
                             bytes_of(std::vector<float>{7, 8})));
  const std::string index = folder.write("model.safetensors.index.json", R"({"metadata":{"total_size":28,"x":[{}]},
    "weight_map":{"w":"a.safetensors","v":"b.safetensors","empty":"b.safetensors"}})");
  SafetensorsFile opened = SafetensorsFile::open(index);
  const SafetensorsFile file = std::move(opened);
  EXPECT_EQ(read(file, "w", 6), (std::vector<float>{1, 2, 3, 4, 5, 6}));  // and not b's w
  EXPECT_EQ(read(file, "v", 1), (std::vector<float>{7}));
  EXPECT_EQ(read(file, "empty", 0), std::vector<float>{});
  EXPECT_EQ(file.tensors().size(), 3u);
  EXPECT_EQ(file.metadata(), (TextMap{{"part", "1"}}));
  EXPECT_EQ(read(SafetensorsFile::open(folder.path("a.safetensors")), "w", 6)[5], 6);

  const auto expect_bad_index = [&](const std::string& map, ErrorCode code, const std::vector<std::string>& parts) {
    const std::string path = folder.write("bad.json", R"({"weight_map":{)" + map + "}}");
    expect_error(code, parts, [&] { (void)SafetensorsFile::open(path); });
  };
  expect_bad_index(R"("v":"a.safetensors","x":"b.safetensors")", ErrorCode::kBadFormat,
                   {"bad.json", "2 tensors", "\"v\" in \"a.safetensors\"", "\"x\" in \"b.safetensors\""});
  expect_bad_index(R"("w":"c.safetensors")", ErrorCode::kNotFound, {"c.safetensors"});
  expect_bad_index("", ErrorCode::kBadFormat, {"bad.json", "names no tensor"});
}

TEST(Safetensors, BadIndexes) {
  EXPECT_EQ(parse_safetensors_index(R"({"weight_map":{"w":"f"}})", "i"), (TextMap{{"w", "f"}}));
  const auto expect_bad_index = [](const std::string& text, const std::vector<std::string>& parts) {
    expect_error(ErrorCode::kBadFormat, parts, [&] { (void)parse_safetensors_index(text, "i.json"); });
  };
  for (const std::string name : {"", "../f", "/etc/passwd", "a/f", ".", "..", ".f", "a\\\\f", "c:f", "a\\u0000"}) {
    expect_bad_index(R"({"weight_map":{"w":")" + name + "\"}}", {"i.json", "\"w\"", "beside the index"});
  }
  expect_bad_index("", {"not valid JSON"});
  expect_bad_index("[]", {"an array is not allowed"});
  expect_bad_index("1", {"a number is not allowed"});
  expect_bad_index("\"f\"", {"a string is not allowed"});
  expect_bad_index("{}", {"\"weight_map\" is missing"});
  expect_bad_index(R"({"weight_map":[]})", {"an array is not allowed"});
  expect_bad_index(R"({"weight_map":"f"})", {"a string is not allowed"});
  expect_bad_index(R"({"weight_map":{"w":1}})", {"\"w\"", "a number"});
  expect_bad_index(R"({"weight_map":{"w":{}}})", {"\"w\"", "an object"});
  expect_bad_index(R"({"weight_map":{"w":["f"]}})", {"\"w\"", "an array"});
  expect_bad_index(R"({"weight_map":{"w":"f","w":"g"}})", {"\"w\"", "twice"});
  expect_bad_index(R"({"weight_map":{},"weight_map":{}})", {"\"weight_map\"", "twice"});
  expect_bad_index(R"({"metadata":)" + std::string(100'000, '['), {"nested deeper than 8"});
}

}  // namespace
}  // namespace fllm
