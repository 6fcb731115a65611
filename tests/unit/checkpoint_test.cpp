// SPDX-License-Identifier: Apache-2.0
#include "host/model/checkpoint.h"
#include "host/model/checkpoint_source.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <numeric>
#include <random>

#include "host/model/config_file.h"
#include "host/model/model.h"
#include "host/model/weight_map.h"
#include "tests/support/expect_error.h"
#include "tests/support/fewer.h"
#include "tests/support/pickle_writer.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/zip_writer.h"

namespace fllm {
namespace {

namespace pickle = test::pickle;
using test::expect_error;
using test::ZipItem;

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

/// A checkpoint file in memory, and the checkpoint read from it.
struct Built {
  std::string bytes;
  Checkpoint checkpoint;

  explicit Built(const std::string& payload, std::vector<ZipItem> entries = {})
      : bytes(zip(payload, std::move(entries))),
        checkpoint(ZipArchive::from_memory(std::as_bytes(std::span(bytes)), "f.pt")) {}

  static std::string zip(const std::string& payload, std::vector<ZipItem> entries) {
    entries.insert(entries.begin(), {.name = "m/data.pkl", .content = pickle::file(payload)});
    return test::zip_of(entries);
  }
};

std::string state_of(const std::string& name, const std::string& tensor) {
  return pickle::dict({{"model_state", pickle::dict({{name, tensor}})}});
}

std::vector<float> read(Built& built, std::size_t count) {
  const PickleTensor* tensor = built.checkpoint.find("w");
  EXPECT_NE(tensor, nullptr);
  EXPECT_EQ(built.checkpoint.problem(*tensor), std::nullopt);
  std::vector<float> values(count);
  built.checkpoint.read(*tensor, values);
  return values;
}

void expect_bad_checkpoint(const std::string& payload, const std::vector<std::string>& parts,
                           std::vector<ZipItem> entries = {}, ErrorCode code = ErrorCode::kBadFormat) {
  std::vector<std::string> all = {"f.pt"};
  all.insert(all.end(), parts.begin(), parts.end());
  expect_error(code, all, [&] { Built(payload, std::move(entries)); });
}

TEST(Checkpoint, ReadsEveryFloatType) {
  const std::vector<float> expected = {1.0f, -0.5f, 0.0f, 65504.0f};
  const std::vector<ZipItem> storages = {
      {.name = "m/data/f", .content = bytes_of(expected)},
      {.name = "m/data/d", .content = bytes_of(std::vector<double>{1.0, -0.5, 0.0, 65504.0})},
      {.name = "m/data/h", .content = bytes_of(std::vector<std::uint16_t>{0x3c00, 0xb800, 0, 0x7bff})},
      {.name = "m/data/b", .content = bytes_of(std::vector<std::uint16_t>{0x3f80, 0xbf00, 0, 0x4780})}};
  for (const auto& [key, type] : std::vector<std::pair<std::string, std::string>>{
           {"f", "FloatStorage"}, {"d", "DoubleStorage"}, {"h", "HalfStorage"}, {"b", "BFloat16Storage"}}) {
    Built built(
        state_of("w", pickle::tensor({.key = key, .type = type, .storage_elements = 4, .shape = {4}, .strides = {1}})),
        storages);
    std::vector<float> values = read(built, 4);
    if (key == "b") values[3] = values[3] == 65536.0f ? 65504.0f : 0;  // 65504 is not a bfloat16
    EXPECT_EQ(values, expected) << type;
  }
}

TEST(Checkpoint, ReadsViewsInRowMajorOrder) {
  std::vector<float> storage(24);
  std::iota(storage.begin(), storage.end(), 0.0f);
  const std::vector<ZipItem> entries = {{.name = "m/data/0", .content = bytes_of(storage)}};
  const auto view = [&](std::int64_t offset, const std::vector<std::int64_t>& shape,
                        const std::vector<std::int64_t>& strides) {
    Built built(
        state_of("w", pickle::tensor({.storage_elements = 24, .offset = offset, .shape = shape, .strides = strides})),
        entries);
    return read(built, static_cast<std::size_t>(
                           std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>())));
  };
  EXPECT_EQ(view(0, {24}, {1}), storage);
  EXPECT_EQ(view(5, {3}, {1}), (std::vector<float>{5, 6, 7}));
  EXPECT_EQ(view(1, {2, 3}, {1, 4}), (std::vector<float>{1, 5, 9, 2, 6, 10}));  // transposed
  EXPECT_EQ(view(23, {1, 1}, {99, 99}), (std::vector<float>{23}));              // strides that never step
  EXPECT_EQ(view(0, {2, 2, 2}, {12, 1, 6}), (std::vector<float>{0, 6, 1, 7, 12, 18, 13, 19}));
  EXPECT_EQ(view(3, {}, {}), (std::vector<float>{3}));
  EXPECT_EQ(view(0, {0, 5}, {1, 1}), std::vector<float>{});
}

TEST(Checkpoint, TensorsThatReachOutsideTheirStorage) {
  const std::vector<ZipItem> entries = {{.name = "m/data/0", .content = std::string(24 * 4, '\0')}};
  const auto expect_problem = [&](const pickle::Tensor& t, const std::string& part) {
    const Built built(state_of("w", pickle::tensor(t)), entries);
    const auto problem = built.checkpoint.problem(*built.checkpoint.find("w"));
    ASSERT_TRUE(problem.has_value()) << part;
    EXPECT_THAT(*problem, testing::HasSubstr(part));
  };
  expect_problem({.storage_elements = 24, .shape = {25}, .strides = {1}}, "more elements than its storage");
  expect_problem({.storage_elements = 24, .shape = {1 << 20, 1 << 20}, .strides = {0, 0}}, "more elements");
  const std::int64_t big = std::int64_t{1} << 48;
  expect_problem({.storage_elements = 24, .shape = {big, big, big}, .strides = {0, 0, 0}}, "more elements");
  expect_problem({.storage_elements = 24, .offset = 1, .shape = {24}, .strides = {1}}, "reach beyond");
  expect_problem({.storage_elements = 24, .shape = {2}, .strides = {24}}, "reach beyond");
  expect_problem({.storage_elements = 24, .offset = big, .shape = {2, 2}, .strides = {big, big}}, "reach beyond");
  expect_problem({.storage_elements = 25, .shape = {2}, .strides = {1}}, "has 96 bytes");
  expect_problem({.key = "1", .storage_elements = 24, .shape = {2}, .strides = {1}}, "m/data/1, is missing");
  expect_problem({.type = "LongStorage", .storage_elements = 2, .shape = {2}, .strides = {1}}, "torch.LongStorage");
}

TEST(Checkpoint, DamagedStorageIsNoticed) {
  const std::vector<ZipItem> entries = {{.name = "m/data/0", .content = std::string(8, 'x'), .crc_error = 1}};
  Built built(state_of("w", pickle::tensor("0", {2})), entries);
  std::vector<float> values(2);
  expect_error(ErrorCode::kBadFormat, {"f.pt", "m/data/0", "CRC"},
               [&] { built.checkpoint.read(*built.checkpoint.find("w"), values); });
}

TEST(Checkpoint, OptimizerStateIsNeverRead) {
  // Its storage is damaged and its tensor impossible: neither matters.
  const std::vector<ZipItem> entries = {{.name = "m/data/0", .content = bytes_of(std::vector<float>{1, 2})},
                                        {.name = "m/data/9", .content = "xxxx", .crc_error = 1}};
  Built built(pickle::dict({{"model_state", pickle::dict({{"w", pickle::tensor("0", {2})}})},
                            {"optimizer_state", pickle::dict({{"exp_avg", pickle::tensor("9", {1000})}})}}),
              entries);
  EXPECT_EQ(read(built, 2), (std::vector<float>{1, 2}));
}

TEST(Checkpoint, FindsStateAndConfig) {
  const Built bare(pickle::dict({{"w", pickle::tensor("0", {2})}}));
  EXPECT_NE(bare.checkpoint.find("w"), nullptr);
  EXPECT_EQ(bare.checkpoint.config(), nullptr);
  const std::string state = pickle::dict({{"w", pickle::tensor("0", {2})}});
  const Built both(pickle::dict(
      {{"model_config", pickle::dict({{"b", "N"}})}, {"model_state", state}, {"config", pickle::dict({{"a", "N"}})}}));
  ASSERT_NE(both.checkpoint.config(), nullptr);
  EXPECT_NE(both.checkpoint.config()->find("a"), nullptr);
}

TEST(Checkpoint, RefusesOtherPayloads) {
  expect_bad_checkpoint("N", {"None", "not a dict"});
  expect_bad_checkpoint("}", {"model_state"});
  expect_bad_checkpoint(pickle::dict({{"weights", "N"}, {"epoch", "K\x01"}}), {"model_state", "weights, epoch"});
  expect_bad_checkpoint(pickle::dict({{"model_state", "K\x05"}}), {"model_state is an integer"});
  expect_bad_checkpoint(state_of("w", "K\x05"), {"w is an integer, not a tensor"});
  expect_bad_checkpoint(pickle::dict({{"model_state", "}K\x01K\x02s"}}), {"a key is an integer"});
  const std::string tensor = pickle::tensor("0", {2});
  expect_bad_checkpoint(pickle::dict({{"model_state", pickle::dict({{"w", tensor}, {"w", tensor}})}}),
                        {"w is there twice"});
  expect_bad_checkpoint(pickle::dict({{"model_state", pickle::dict({{"w", tensor}})}, {"config", "N"}}),
                        {"config is None"});
}

TEST(Checkpoint, RefusesOtherContainers) {
  const std::string payload = state_of("w", pickle::tensor("0", {2}));
  expect_bad_checkpoint(payload, {"m/data.pkl", "n/data.pkl"}, {{.name = "n/data.pkl", .content = "x"}});
  expect_bad_checkpoint(payload, {"m/byteorder", "\"big\"", "little"}, {{.name = "m/byteorder", .content = "big"}},
                        ErrorCode::kUnsupported);
  expect_bad_checkpoint(payload, {"m/byteorder"}, {{.name = "m/byteorder", .content = "middle"}});
  EXPECT_NO_THROW(Built(payload, {{.name = "m/byteorder", .content = "little"},
                                  {.name = "m/.format_version", .content = "1"},
                                  {.name = "m/.data/serialization_id", .content = "123"}}));
  const test::TemporaryFolder folder;
  expect_error(ErrorCode::kBadFormat, {"data.pkl"}, [&] {
    (void)Checkpoint::open(folder.write("z.pt", test::zip_of({{"a/b", "c"}})));
  });
  expect_error(ErrorCode::kUnsupported, {"old.pt", "before 1.6"},
               [&] { (void)Checkpoint::open(folder.write("old.pt", "\x80\x02\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.")); });
  expect_error(ErrorCode::kBadFormat, {"text.pt", "ZIP"},
               [&] { (void)Checkpoint::open(folder.write("text.pt", "hello")); });
}

void map(Checkpoint& checkpoint, const ModelConfig& config) {
  const CheckpointSource source(checkpoint);
  (void)map_weights(source, config, weight_names(WeightFormat::kFundamentallm, config.architecture));
}

TEST(WeightMap, AllWrongTensorsAreReportedTogether) {
  const std::vector<ZipItem> entries = {{.name = "m/data/0", .content = std::string(400, '\0')}};
  Built built(pickle::dict({{"token_embedding.weight", pickle::tensor("0", {9, 4})},
                            {"output_norm.weight", pickle::tensor("0", {5})},
                            {"blocks.7.norm1.weight", pickle::tensor("0", {4})}}),
              entries);
  const ModelConfig config = config_from_yaml("{vocab_size: 10, d_model: 4, num_layers: 1}", "m.yaml");
  expect_error(ErrorCode::kBadFormat,
               {"f.pt", "token_embedding.weight: shape [9, 4], the config asks for [10, 4]",
                "output_norm.weight: shape [5]", "positional_encoding.embeddings.weight: is missing",
                "blocks.0.attention.W_q.weight: is missing", "wrong tensors"},
               [&] { map(built.checkpoint, config); });
  const ModelConfig small = config_from_yaml("{vocab_size: 9, d_model: 4, num_layers: 1}", "m.yaml");
  expect_error(ErrorCode::kBadFormat, {"blocks.0.norm1.weight: is missing"}, [&] { map(built.checkpoint, small); });
}

TEST(Model, PlacesSearchedAreListed) {
  const test::TemporaryFolder folder;
  const auto backend = make_backend({.device = "cpu", .threads = 1});
  expect_error(ErrorCode::kNotFound, {"absent.pt"}, [&] { (void)load_model(folder.path("absent.pt"), *backend); });
  const std::string path = folder.write("best.pt", Built::zip(state_of("w", pickle::tensor("0", {2})), {}));
  expect_error(ErrorCode::kNotFound, {"config and model_config", "best.yaml", "best.yml", "config.yaml", "model.yaml"},
               [&] { (void)load_model(path, *backend); });
  const std::string model = folder.write("model.pt", Built::zip(state_of("w", pickle::tensor("0", {2})), {}));
  const std::string once = ", " + folder.path("model.yaml") + ", " + folder.path("model.yml") + ", " +
                           folder.path("config.yaml");  // model.yaml is a place in two ways
  try {
    (void)load_model(model, *backend);
    ADD_FAILURE() << "no exception";
  } catch (const Exception& error) {
    EXPECT_THAT(error.what(), testing::EndsWith("config and model_config" + once));
  }
}

// Whatever is done to a file ends in a typed error, or (where the change is outside what is read) in a model.
class DamagedFile : public testing::Test {
 protected:
  DamagedFile() {
    std::ifstream file("apps/models/shakespeare/draft/model.pt", std::ios::binary);
    original_.assign(std::istreambuf_iterator<char>(file), {});
  }

  /// Whether it could be read. Anything but an Exception with one of the right codes fails the test.
  static bool try_to_read(const std::string& bytes) {
    try {
      Checkpoint checkpoint(ZipArchive::from_memory(std::as_bytes(std::span(bytes)), "f.pt"));
      const ModelConfig config = find_config(checkpoint, "absent/f.pt");
      const CheckpointSource source(checkpoint);
      const ModelTensors tensors = map_weights(source, config, weight_names(WeightFormat::kFundamentallm, {}));
      std::vector<float> embedding(static_cast<std::size_t>(config.vocab_size) *
                                   static_cast<std::size_t>(config.d_model));
      source.read(*tensors.token_embedding, embedding);
      return true;
    } catch (const Exception& error) {
      EXPECT_TRUE(error.code() == ErrorCode::kBadFormat || error.code() == ErrorCode::kUnsupported ||
                  error.code() == ErrorCode::kNotFound)
          << error.what();
      EXPECT_THAT(error.what(), testing::HasSubstr("f.pt"));
      return false;
    }
  }

  std::string original_;
};

TEST_F(DamagedFile, WholeOneIsRead) {
  ASSERT_GT(original_.size(), 400000u);
  EXPECT_TRUE(try_to_read(original_));
}

TEST_F(DamagedFile, CutAnywhere) {
  // Every length near the end, where the directory is, and a spread of the others.
  for (std::size_t left = 1; left <= original_.size();) {
    EXPECT_FALSE(try_to_read(original_.substr(0, original_.size() - left))) << left;
    left += left < 100 ? 1 : left < 8000 ? 61 : 9973;
  }
}

TEST_F(DamagedFile, ChangedBytes) {
  std::mt19937 random(11);
  const std::size_t pickle_begin = original_.find("\x80\x02}q");
  ASSERT_NE(pickle_begin, std::string::npos);
  const std::size_t pickle_end = pickle_begin + 3134;
  const std::size_t directory = original_.find("PK\x01\x02");
  ASSERT_NE(directory, std::string::npos);
  int refused = 0;
  constexpr int kRounds = 3000 / test::kFewer;
  for (int i = 0; i < kRounds; ++i) {
    std::string bytes = original_;
    const bool in_pickle = i % 2 == 0;
    const std::size_t begin = in_pickle ? pickle_begin : directory;
    const std::size_t end = in_pickle ? pickle_end : bytes.size();
    bytes[begin + random() % (end - begin)] ^= static_cast<char>(1 + random() % 255);
    const bool read = try_to_read(bytes);
    EXPECT_FALSE(in_pickle && read);  // the CRC sees every change of the pickle
    refused += read ? 0 : 1;
  }
  EXPECT_GT(refused, kRounds / 3 * 2);
}

TEST_F(DamagedFile, ChangedPickleWithARightCrc) {
  std::mt19937 random(12);
  const ZipArchive archive = ZipArchive::from_memory(std::as_bytes(std::span(original_)), "f.pt");
  std::vector<ZipItem> items;
  for (const ZipEntry& entry : archive.entries())
    items.push_back({.name = entry.name, .content = archive.read_text(entry, 1 << 20)});
  std::string& pickle = items[0].content;
  ASSERT_EQ(items[0].name, "model/data.pkl");
  EXPECT_TRUE(try_to_read(test::zip_of(items)));
  for (int i = 0; i < 400 / test::kFewer; ++i) {
    const std::string before = pickle;
    for (int changes = 1 + static_cast<int>(random() % 3); changes > 0; --changes) {
      pickle[random() % pickle.size()] = static_cast<char>(random());
    }
    (void)try_to_read(test::zip_of(items));
    pickle = before;
  }
}

}  // namespace
}  // namespace fllm
