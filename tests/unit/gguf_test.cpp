// SPDX-License-Identifier: Apache-2.0
#include "host/model/gguf_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/expect_error.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/temporary_folder.h"

namespace fllm {
namespace {

namespace gguf = test::gguf;
using test::bytes_of;
using test::expect_error;
using test::view_of;

constexpr std::uint64_t kMany = std::numeric_limits<std::uint64_t>::max();

/// Two tensors: w [2, 3] of F32 and h [4] of F16.
gguf::File good_file() {
  gguf::File file;
  file.keys = {{"general.architecture", gguf::text("llama")}, {"a.count", gguf::u32(7)}};
  file.tensors = {{.name = "w", .dimensions = {3, 2}, .content = bytes_of(std::vector<float>{1, 2, 3, 4, 5, 6})},
                  {.name = "h",
                   .dimensions = {4},
                   .type = 1,
                   .content = bytes_of(std::vector<std::uint16_t>{0x3c00, 0xb800, 0, 0x7bff})}};
  return file;
}

void expect_bad(const gguf::File& file, std::vector<std::string> parts, ErrorCode code = ErrorCode::kBadFormat) {
  parts.emplace_back("f.gguf");
  const std::string bytes = gguf::file(file);
  expect_error(code, parts, [&] { (void)GgufFile::from_memory(view_of(bytes), "f.gguf"); });
}

template <class Change>
gguf::File changed(const Change& change) {
  gguf::File file = good_file();
  change(file);
  return file;
}

TEST(Gguf, ReadsTensorsOutermostDimensionFirst) {
  for (const std::uint32_t version : {2, 3}) {
    const std::string bytes = gguf::file(changed([&](auto& f) { f.version = version; }));
    const GgufFile file = GgufFile::from_memory(view_of(bytes), "f.gguf");
    ASSERT_EQ(file.tensors().size(), 2u);
    EXPECT_EQ(file.tensors()[1].name, "h");
    const TensorInfo* w = file.find("w");
    ASSERT_NE(w, nullptr);
    EXPECT_EQ(w->shape, (std::vector<std::int64_t>{2, 3}));
    EXPECT_EQ(w->type, TensorType::kF32);
    std::vector<float> values(6);
    file.read(*w, values);
    EXPECT_EQ(values, (std::vector<float>{1, 2, 3, 4, 5, 6}));
    values.resize(4);
    file.read(*file.find("h"), values);
    EXPECT_EQ(values, (std::vector<float>{1, -0.5, 0, 65504}));
    EXPECT_EQ(file.bytes(*file.find("h")).size(), 8u);
    EXPECT_EQ(file.find("x"), nullptr);
  }
}

TEST(Gguf, StaysWholeWhenItMovesAndFromDisk) {
  const test::TemporaryFolder folder;
  GgufFile opened = GgufFile::open(folder.write("m.gguf", gguf::file(good_file())));
  const GgufFile file = std::move(opened);
  std::vector<float> values(6);
  file.read(*file.find("w"), values);
  EXPECT_EQ(values[5], 6);
  EXPECT_EQ(file.metadata().text("general.architecture"), "llama");
  EXPECT_EQ(file.source(), folder.path("m.gguf"));
  expect_error(ErrorCode::kNotFound, {"none.gguf"}, [&] { (void)GgufFile::open(folder.path("none.gguf")); });
  expect_error(ErrorCode::kIo, {"not a regular file"}, [&] { (void)GgufFile::open(folder.path("")); });
  expect_error(ErrorCode::kBadFormat, {"empty.gguf", "4 bytes at byte 0"},
               [&] { (void)GgufFile::open(folder.write("empty.gguf", "")); });
}

TEST(Gguf, EveryTypeOfValue) {
  constexpr double kTwoTo40 = 0x1p40;
  gguf::File f;
  f.keys = {{"u8", gguf::number<std::uint8_t>(0, 200)},
            {"i8", gguf::number<std::int8_t>(1, -100)},
            {"u16", gguf::number<std::uint16_t>(2, 65535)},
            {"i16", gguf::number<std::int16_t>(3, -32768)},
            {"u32", gguf::u32(4294967295)},
            {"i32", gguf::number<std::int32_t>(5, -5)},
            {"f32", gguf::number(6, 1.5f)},
            {"bool", gguf::flag(true)},
            {"text", gguf::text("\u00e9\n")},
            {"u64", gguf::number<std::uint64_t>(10, 1ull << 62)},
            {"i64", gguf::number<std::int64_t>(11, -(1ll << 62))},
            {"f64", gguf::number(12, kTwoTo40)},
            {"huge", gguf::number<std::uint64_t>(10, 1ull << 63)},
            {"nan", gguf::number(6, std::nanf(""))},
            {"texts", gguf::texts({"a", "", "b c"})},
            {"i32s", gguf::i32s({3, -1})},
            {"f32s", gguf::f32s({0.5f, -INFINITY})},
            {"none", gguf::array(0, 0, "")},
            {"nested", gguf::array(9, 2, gguf::i32s({1, 2}).substr(4) + gguf::texts({"x"}).substr(4))}};
  const std::string bytes = gguf::file(f);
  const GgufFile file = GgufFile::from_memory(view_of(bytes), "f.gguf");
  const GgufMetadata& m = file.metadata();
  const IntegerRange any = {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
  EXPECT_EQ(m.integer("u8", any), 200);
  EXPECT_EQ(m.integer("i8", any), -100);
  EXPECT_EQ(m.integer("u16", any), 65535);
  EXPECT_EQ(m.integer("i16", any), -32768);
  EXPECT_EQ(m.integer("u32", any), 4294967295);
  EXPECT_EQ(m.integer("i32", any), -5);
  EXPECT_EQ(m.integer("u64", any), 1ll << 62);
  EXPECT_EQ(m.integer("i64", any), -(1ll << 62));
  EXPECT_EQ(m.real("f32"), 1.5);
  EXPECT_EQ(m.real("f64"), kTwoTo40);
  EXPECT_EQ(m.find_flag("bool"), true);
  EXPECT_EQ(m.text("text"), "\u00e9\n");
  EXPECT_EQ(m.texts("texts"), (std::vector<std::string_view>{"a", "", "b c"}));
  EXPECT_EQ(m.find_integers("i32s", {-1, 3}), (std::vector<std::int64_t>{3, -1}));
  EXPECT_EQ(m.reals("f32s"), (std::vector<float>{0.5f, -INFINITY}));
  EXPECT_EQ(m.find_integers("none", any), std::vector<std::int64_t>{});
  const auto nested = m.find("nested")->elements();
  ASSERT_EQ(nested->size(), 2u);
  EXPECT_EQ((*nested)[0].number_at(1).integer(), 2);
  EXPECT_EQ((*nested)[1].texts(), (std::vector<std::string_view>{"x"}));
  EXPECT_EQ(m.find("u8")->elements(), std::nullopt);
  EXPECT_EQ(m.entries().size(), f.keys.size());

  const auto expect_refused = [&](std::vector<std::string> parts, const std::function<void()>& action) {
    parts.emplace_back("f.gguf");
    expect_error(ErrorCode::kBadFormat, parts, action);
  };
  expect_refused({"\"huge\"", "UINT64", "[0, 9]"}, [&] { (void)m.integer("huge", {0, 9}); });
  expect_refused({"\"u8\"", "200", "[0, 9]"}, [&] { (void)m.integer("u8", {0, 9}); });
  expect_refused({"\"text\"", "STRING", "[0, 9]"}, [&] { (void)m.find_integer("text", {0, 9}); });
  expect_refused({"\"gone\"", "is missing", "[0, 9]"}, [&] { (void)m.integer("gone", {0, 9}); });
  expect_refused({"\"nan\"", "nan", "finite"}, [&] { (void)m.real("nan"); });
  expect_refused({"\"u32\"", "UINT32", "FLOAT32"}, [&] { (void)m.real("u32"); });
  expect_refused({"\"u32\"", "UINT32", "STRING"}, [&] { (void)m.text("u32"); });
  expect_refused({"\"u32\"", "UINT32", "BOOL"}, [&] { (void)m.find_flag("u32"); });
  expect_refused({"\"i32s\"", "ARRAY of 2 INT32", "ARRAY of STRING"}, [&] { (void)m.texts("i32s"); });
  expect_refused({"\"i32s\"", "ARRAY of 2 INT32", "ARRAY of FLOAT32"}, [&] { (void)m.reals("i32s"); });
  expect_refused({"\"f32\"", "FLOAT32", "ARRAY of FLOAT32"}, [&] { (void)m.reals("f32"); });
  expect_refused({"\"i32s\"", "element 1", "-1", "[0, 9]"}, [&] { (void)m.find_integers("i32s", {0, 9}); });
  expect_refused({"\"texts\"", "ARRAY of 3 STRING"}, [&] { (void)m.find_integers("texts", any); });
  expect_refused({"\"u8\"", "UINT8", "ARRAY"}, [&] { (void)m.find_integers("u8", any); });
  EXPECT_EQ(m.find_text("gone"), std::nullopt);
  EXPECT_EQ(m.find_integers("gone", any), std::nullopt);
}

TEST(Gguf, BadHeaders) {
  using F = gguf::File;
  expect_bad(changed([](F& f) { f.magic = "GGML"; }), {"not a GGUF"});
  expect_bad(changed([](F& f) { f.version = 1; }), {"version 1", "2 or 3"}, ErrorCode::kUnsupported);
  expect_bad(changed([](F& f) { f.version = 4; }), {"version 4"}, ErrorCode::kUnsupported);
  expect_bad(changed([](F& f) { f.version = 0; }), {"version 0"}, ErrorCode::kUnsupported);
  expect_bad(changed([](F& f) { f.version = 0x03000000; }), {"big-endian"}, ErrorCode::kUnsupported);
  expect_bad(changed([](F& f) { f.tensor_count = 1ull << 63; }), {"9223372036854775808 tensors", "at most"});
  expect_bad(changed([](F& f) { f.key_count = 1ull << 63; }), {"9223372036854775808 keys", "at most"});
  expect_bad(changed([](F& f) { f.tensor_count = 3; }), {"tensor's name"});
  expect_bad(changed([](F& f) { f.key_count = 65536; }), {"a key of"});
  const std::string whole = gguf::file(good_file());
  for (std::size_t size = 0; size < whole.size(); ++size) {  // wherever it is cut
    expect_error(ErrorCode::kBadFormat, {"f.gguf"},
                 [&] { (void)GgufFile::from_memory(view_of(whole).first(size), "f.gguf"); });
  }
}

TEST(Gguf, BadMetadata) {
  using F = gguf::File;
  const auto with_key = [](const std::string& key, const std::string& value) {
    return changed([&](F& f) { f.keys.emplace_back(key, value); });
  };
  expect_bad(with_key("a.count", gguf::u32(1)), {"\"a.count\"", "twice"});
  expect_bad(with_key("", gguf::u32(1)), {"a key of 0 bytes"});
  expect_bad(with_key(std::string(65536, 'k'), gguf::u32(1)), {"a key of 65536 bytes"});
  expect_bad(changed([](F& f) { f.first_key_length = kMany; }), {"a key of 18446744073709551615 bytes"});
  expect_bad(with_key("k", bytes_of<std::uint32_t>(13) + "x"), {"\"k\"", "value type 13"});
  expect_bad(with_key("k", gguf::number<std::uint8_t>(7, 2)), {"\"k\"", "BOOL 2"});
  expect_bad(with_key("k", gguf::array(7, 2, "\x01\x03")), {"\"k\"", "BOOL 3"});
  expect_bad(with_key("k", gguf::array(13, 1, "x")), {"\"k\"", "value type 13"});
  expect_bad(with_key("k", bytes_of<std::uint32_t>(8) + bytes_of(kMany)),
             {"\"k\"", "a string", "18446744073709551615"});
  expect_bad(with_key("k", gguf::array(10, kMany / 8 + 2, "")), {"\"k\"", "2305843009213693953 elements"});
  expect_bad(with_key("k", gguf::array(0, kMany, "")), {"\"k\"", "an array"});
  expect_bad(with_key("k", gguf::array(8, kMany, "")), {"\"k\"", "string"});
  std::string deep = gguf::array(0, 0, "");
  for (int level = 1; level < kMaxGgufNesting; ++level) deep = gguf::array(9, 1, deep.substr(4));
  const std::string allowed = gguf::file(with_key("k", deep));
  (void)GgufFile::from_memory(view_of(allowed), "f.gguf");
  expect_bad(with_key("k", gguf::array(9, 1, deep.substr(4))), {"\"k\"", "nested deeper than 4"});
  for (const std::uint32_t alignment : {0, 4, 33, 1 << 17}) {
    expect_bad(with_key("general.alignment", gguf::u32(alignment)), {"general.alignment", std::to_string(alignment)});
  }
  expect_bad(with_key("general.alignment", gguf::text("32")), {"general.alignment", "STRING"});
  expect_bad(with_key("split.count", gguf::number<std::uint16_t>(2, 3)), {"one of 3 parts"}, ErrorCode::kUnsupported);
}

TEST(Gguf, BadTensors) {
  using F = gguf::File;
  const auto with = [](const std::function<void(gguf::Tensor&)>& change) {
    return changed([&](F& f) { change(f.tensors[1]); });
  };
  using T = gguf::Tensor;
  expect_bad(with([](T& t) { t.name = "w"; }), {"\"w\"", "twice"});
  expect_bad(with([](T& t) { t.name = ""; }), {"name of 0 bytes"});
  expect_bad(with([](T& t) { t.name = std::string(65, 'n'); }), {"name of 65 bytes", "1 to 64"});
  expect_bad(with([](T& t) { t.name_length = 1ull << 40; }), {"name of 1099511627776 bytes"});
  const std::string longest = gguf::file(with([](T& t) { t.name = std::string(64, 'n'); }));
  EXPECT_NE(GgufFile::from_memory(view_of(longest), "f.gguf").find(std::string(64, 'n')), nullptr);
  expect_bad(with([](T& t) { t.dimensions = {}; }), {"\"h\"", "0 dimensions"});
  expect_bad(with([](T& t) { t.dimensions = {1, 1, 1, 1, 4}; }), {"\"h\"", "5 dimensions"});
  expect_bad(with([](T& t) { t.dimension_count = 0xffffffff; }), {"\"h\"", "4294967295 dimensions"});
  expect_bad(with([](T& t) { t.dimensions = {4, 0}; }), {"\"h\"", "dimension 0"});
  expect_bad(with([](T& t) { t.dimensions = {1ull << 63}; }), {"\"h\"", "dimension 9223372036854775808"});
  expect_bad(with([](T& t) { t.dimensions = {1ull << 32, 1ull << 32}; }), {"\"h\"", "more than 2^62"});
  expect_bad(with([](T& t) { t.dimensions = {1ull << 62}; }), {"\"h\"", "more than 2^62"});
  expect_bad(with([](T& t) { t.type = 8; }), {"\"h\"", "Q8_0", "multiple of 32"});
  expect_bad(with([](T& t) { t.offset = 40; }), {"\"h\"", "offset 40", "multiple of general.alignment, 32"});
  expect_bad(with([](T& t) { t.offset = 0; }), {"\"h\"", "\"w\"", "shares bytes"});
  expect_bad(with([](T& t) { t.offset = 64; }), {"\"h\"", "8 bytes at offset 64", "has 40"});
  expect_bad(with([](T& t) { t.offset = ~std::uint64_t{31}; }), {"\"h\"", "18446744073709551584"});
  expect_bad(with([](T& t) { t.dimensions = {5}; }), {"\"h\"", "10 bytes at offset 32", "has 40"});
}

TEST(Gguf, TypesThatCannotBeReadAreNamedAtOnce) {
  expect_bad(changed([](gguf::File& f) {
               f.tensors.push_back({.name = "x", .dimensions = {256}, .type = 13});
               f.tensors.push_back({.name = "y", .dimensions = {256}, .type = 13});
               f.tensors.push_back({.name = "z", .dimensions = {1}, .type = 77});
             }),
             {"Q5_K (13) (tensor \"x\" and 1 more)", "unknown (77) (tensor \"z\")", "Q4_K, Q6_K"},
             ErrorCode::kUnsupported);
  expect_bad(changed([](gguf::File& f) {
               for (std::uint32_t i = 50; i < 70; ++i) f.tensors.push_back({"n", {1}, i});
             }),
             {"(57)", "and others"}, ErrorCode::kUnsupported);
}

TEST(Gguf, OtherAlignments) {
  for (const std::uint32_t alignment : {8, 64}) {
    const std::string bytes = gguf::file(changed([&](gguf::File& f) {
      f.alignment = alignment;
      f.keys.emplace_back("general.alignment", gguf::u32(alignment));
    }));
    const GgufFile file = GgufFile::from_memory(view_of(bytes), "f.gguf");
    std::vector<float> values(6);
    file.read(*file.find("w"), values);
    EXPECT_EQ(values, (std::vector<float>{1, 2, 3, 4, 5, 6}));
  }
}

TEST(Gguf, WithoutTensors) {
  gguf::File f;
  f.keys = {{"k", gguf::text("v")}};
  f.alignment = 1;  // ends where its data would begin, or before
  const std::string bytes = gguf::file(f);
  EXPECT_TRUE(GgufFile::from_memory(view_of(bytes), "f.gguf").tensors().empty());
}

}  // namespace
}  // namespace fllm
