// SPDX-License-Identifier: Apache-2.0
#include "host/model/unpickler.h"

#include <gtest/gtest.h>

#include "tests/support/expect_error.h"
#include "tests/support/pickle_writer.h"

namespace fllm {
namespace {

namespace pickle = test::pickle;
using pickle::integer;
using pickle::text;

void expect_bad_pickle(const std::string& bytes, const std::vector<std::string>& parts,
                       ErrorCode code = ErrorCode::kBadFormat) {
  std::vector<std::string> all = {"f.pt", "byte "};
  all.insert(all.end(), parts.begin(), parts.end());
  test::expect_error(code, all, [&] { (void)unpickle(bytes, "f.pt"); });
}
void expect_value_refused(const std::string& value, const std::vector<std::string>& parts) {
  expect_bad_pickle(pickle::file(value), parts);
}

template <class T>
T scalar(const std::string& opcodes) {
  const PickleDocument document = unpickle(pickle::file(opcodes), "f.pt");
  const T* value = document.root().as<T>();
  if (value == nullptr) throw std::runtime_error(std::string("it is ") + std::string(kind_name(document.root())));
  return *value;
}

TEST(Unpickler, Scalars) {
  EXPECT_EQ(scalar<std::int64_t>("K\xff"), 255);
  EXPECT_EQ(scalar<std::int64_t>(std::string("M\x00\x80", 3)), 32768);
  EXPECT_EQ(scalar<std::int64_t>("J\xfe\xff\xff\xff"), -2);
  EXPECT_EQ(scalar<std::int64_t>(std::string("\x8a\x00", 2)), 0);
  EXPECT_EQ(scalar<std::int64_t>("\x8a\x01\xff"), -1);
  EXPECT_EQ(scalar<std::int64_t>(std::string("\x8a\x02\xff\x00", 4)), 255);
  EXPECT_EQ(scalar<std::int64_t>(integer(INT64_MIN)), INT64_MIN);
  EXPECT_EQ(scalar<double>(pickle::real(-1.25)), -1.25);
  EXPECT_EQ(scalar<bool>("\x88"), true);
  EXPECT_EQ(scalar<bool>("\x89"), false);
  EXPECT_NO_THROW(scalar<PickleNone>("N"));
}

TEST(Unpickler, StringsOfEveryLengthForm) {
  for (const std::string& opcodes :
       {text("añb"), "\x8c\x04" + std::string("añb"), "\x8d" + pickle::little_endian(4, 8) + "añb"}) {
    const PickleDocument document = unpickle(pickle::file(opcodes), "f.pt");
    ASSERT_NE(document.root().as<std::string_view>(), nullptr);
    EXPECT_EQ(*document.root().as<std::string_view>(), "añb");
  }
}

TEST(Unpickler, ContainersAndMemo) {
  // {"a": [1, (2, 3), {}], "b": the same list}, with single and grouped setters
  const std::string list = "](" + integer(1) + "K\x02K\x03\x86}eq\x05";
  const PickleDocument document = unpickle(pickle::file("}" + text("a") + list + "s(" + text("b") + "h\x05u"), "f.pt");
  const auto* dict = document.root().as<PickleDict>();
  ASSERT_NE(dict, nullptr);
  ASSERT_NE(dict->find("a"), nullptr);
  EXPECT_EQ(dict->find("a"), dict->find("b"));
  EXPECT_EQ(dict->find("c"), nullptr);
  const auto* items = dict->find("a")->as<PickleList>();
  ASSERT_NE(items, nullptr);
  ASSERT_EQ(items->items.size(), 3u);
  ASSERT_NE(items->items[1]->as<PickleTuple>(), nullptr);
  EXPECT_EQ(*items->items[1]->as<PickleTuple>()->items[1]->as<std::int64_t>(), 3);
  // Of equal keys the last one counts, as in Python.
  const PickleDocument twice = unpickle(pickle::file(pickle::dict({{"k", "K\x01"}, {"k", "K\x02"}})), "f.pt");
  EXPECT_EQ(*twice.root().as<PickleDict>()->find("k")->as<std::int64_t>(), 2);
}

TEST(Unpickler, CyclesAreHarmless) {
  const PickleDocument document = unpickle(pickle::file("]q\x01h\x01"
                                                        "a"),
                                           "f.pt");
  const auto* list = document.root().as<PickleList>();
  ASSERT_NE(list, nullptr);
  EXPECT_EQ(list->items.at(0), &document.root());
}

TEST(Unpickler, DeepNestingNeitherRecursesNorFails) {
  std::string deep = ")";
  for (int i = 0; i < 200000; ++i) deep += "\x85";
  EXPECT_NO_THROW((void)unpickle(pickle::file(deep), "f.pt"));
}

TEST(Unpickler, TensorsParametersAndOthers) {
  const std::string tensor = pickle::tensor(
      {.key = "7", .type = "HalfStorage", .storage_elements = 20, .offset = 2, .shape = {2, 3}, .strides = {1, 6}});
  const std::string parameter =
      pickle::call(pickle::global("torch._utils", "_rebuild_parameter"), {tensor, "\x88", pickle::ordered_dict()});
  for (const std::string& value : {tensor, parameter}) {
    const PickleDocument document = unpickle(pickle::file(value), "f.pt");
    const auto* t = document.root().as<PickleTensor>();
    ASSERT_NE(t, nullptr);
    EXPECT_EQ(t->storage.key, "7");
    EXPECT_EQ(t->storage.type, StorageType::kFloat16);
    EXPECT_EQ(t->storage.element_count, 20);
    EXPECT_EQ(t->offset, 2);
    EXPECT_EQ(t->shape, (std::vector<std::int64_t>{2, 3}));
    EXPECT_EQ(t->strides, (std::vector<std::int64_t>{1, 6}));
  }
  const std::string size = pickle::call(pickle::global("torch", "Size"), {pickle::integers({4, 5})});
  EXPECT_EQ(unpickle(pickle::file(size), "f.pt").root().as<PickleTuple>()->items.size(), 2u);
  const std::string device = pickle::call(pickle::global("torch", "device"), {text("cuda"), "K\x01"});
  EXPECT_NE(unpickle(pickle::file(device), "f.pt").root().as<PickleOpaque>(), nullptr);
  // Attributes of an OrderedDict.
  const std::string built = pickle::ordered_dict() + pickle::dict({{"_metadata", "N"}}) + "b";
  EXPECT_TRUE(unpickle(pickle::file(built), "f.pt").root().as<PickleDict>()->items.empty());
}

TEST(Unpickler, RefusesGlobalsOutsideTheList) {
  for (const auto& [module, name] :
       std::vector<std::pair<std::string, std::string>>{{"os", "system"},
                                                        {"builtins", "eval"},
                                                        {"torch", "load"},
                                                        {"torch._utils", "_rebuild_tensor_v3"},
                                                        {"torch.nn.modules.linear", "Linear"},
                                                        {"numpy.core.multiarray", "scalar"},
                                                        {"", ""}}) {
    const std::string shown = std::string(module).append(".").append(name);
    expect_bad_pickle(pickle::file(pickle::global(module, name)), {"refers to " + shown}, ErrorCode::kUnsupported);
    expect_bad_pickle(pickle::file(text(module) + text(name) + "\x93"), {shown}, ErrorCode::kUnsupported);
  }
  expect_bad_pickle(pickle::file(pickle::global("os\x1b[2J", "x")), {"os?[2J.x"}, ErrorCode::kUnsupported);
}

TEST(Unpickler, RefusesOtherOpcodes) {
  for (int opcode = 0; opcode < 256; ++opcode) {
    const std::string known = "\x80\x95.(\x94qrhjN\x88\x89JKM\x8aG\x8cX\x8d)t\x85\x86\x87]ae}suc\x93RbQ";
    if (known.find(static_cast<char>(opcode)) != std::string::npos) continue;
    expect_bad_pickle("\x80\x02" + std::string(1, static_cast<char>(opcode)) + "N.", {"byte 2", "opcode 0x"});
  }
  expect_bad_pickle("\x80\x06N.", {"protocol 6"});
}

TEST(Unpickler, RefusesMisusedStack) {
  expect_bad_pickle("", {"bytes are needed"});
  expect_bad_pickle(".", {"nothing is on the stack"});
  expect_bad_pickle("N", {"bytes are needed"});
  expect_value_refused("t", {"no mark"});
  expect_value_refused("\x86", {"too few"});
  expect_value_refused("K\x01(\x85", {"too few"});  // nothing below a mark is taken
  expect_value_refused(
      "K\x01K\x02"
      "a",
      {"an integer where a list"});
  expect_value_refused("](K\x01K\x02u", {"a list where a dict"});
  expect_value_refused("}(K\x01u", {"without a value"});
  expect_value_refused("h\x07", {"memo index 7"});
  expect_value_refused("Nr\xff\xff\xff\xff", {"memo index 4294967295"});
  expect_value_refused("K\x01K\x02R", {"an integer where a tuple"});
  expect_value_refused("K\x01)R", {"an integer where a function"});
  expect_value_refused("K\x01}b", {"attributes of an integer"});
  expect_value_refused(
      "\x8a\x09"
      "123456789",
      {"9 bytes"});
  expect_value_refused(
      "X\xff\xff\xff\xff"
      "abc",
      {"4294967295 more bytes"});
  expect_value_refused(
      "\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
      "abc",
      {"more bytes"});
  expect_value_refused("c" + std::string(300, 'a') + "\nb\n", {"longer than 256"});
  expect_value_refused("ctorch", {"cut short"});
}

TEST(Unpickler, RefusesImpossibleTensors) {
  const auto expect_tensor_refused = [](const pickle::Tensor& t, const std::string& part) {
    expect_value_refused(pickle::tensor(t), {part});
  };
  expect_tensor_refused({.storage_elements = -1}, "storage of -1 elements");
  expect_tensor_refused({.offset = -1}, "offset of -1");
  expect_tensor_refused({.shape = {-2}, .strides = {1}}, "shape holds -2");
  expect_tensor_refused({.shape = {2}, .strides = {-1}}, "stride holds -1");
  expect_tensor_refused({.shape = {INT64_MAX}, .strides = {1}}, "shape holds 9223372036854775807");
  expect_tensor_refused({.shape = {2, 3}, .strides = {1}}, "2 dimensions and 1 strides");
  expect_tensor_refused({.shape = std::vector<std::int64_t>(17, 1)}, "17 dimensions");
  expect_value_refused(pickle::tuple({text("module"), "N", "N", "N", "N"}) + "Q", {"'storage'"});
  expect_value_refused("NQ", {"persistent id"});
  expect_value_refused(pickle::tuple({text("storage"), "N", text("0"), text("cpu"), "K\x01"}) + "Q", {"type is None"});
  const std::string rebuild = pickle::global("torch._utils", "_rebuild_tensor_v2");
  expect_value_refused(pickle::call(rebuild, {"N"}), {"1 arguments"});
  expect_value_refused(pickle::call(rebuild, {"N", "N", "N", "N", "N", "N"}), {"None instead of a storage"});
  expect_value_refused(pickle::call(pickle::global("torch", "FloatStorage"), {}), {"cannot be called"});
  expect_value_refused(pickle::call(pickle::global("collections", "OrderedDict"), {"]"}), {"1 arguments"});
}

TEST(Unpickler, CountsAreLimited) {
  expect_value_refused(std::string(300000, ')'), {"262144 values"});
  expect_value_refused("Nq\x01" +
                           [] {
                             std::string gets;
                             for (int i = 0; i < 300000; ++i) gets += "h\x01";
                             return gets;
                           }(),
                       {"262144 values on the stack"});
  expect_value_refused(std::string(5000, '('), {"4096 marks"});
}

}  // namespace
}  // namespace fllm
