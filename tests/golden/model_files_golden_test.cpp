// SPDX-License-Identifier: Apache-2.0
// Model files written by the packages whose formats they are (make_model_files.py).
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "host/model/gguf_file.h"
#include "host/model/safetensors_file.h"
#include "host/model/tensor_type.h"
#include "host/util/read_file.h"

namespace fllm {
namespace {

const std::filesystem::path kGenerated = FLLM_GOLDEN_MODEL_FILES;

void expect_as_listed(const TensorSource& source) {
  const std::filesystem::path folder = source.source() + ".d";
  std::ifstream list(folder / "shapes");
  std::size_t count = 0;
  for (std::string line; std::getline(list, line); ++count) {
    std::istringstream words(line);
    std::string name, type;
    words >> name >> type;
    std::vector<std::int64_t> shape;
    for (std::int64_t extent; words >> extent;) shape.push_back(extent);
    const TensorInfo* tensor = source.find(name);
    ASSERT_NE(tensor, nullptr) << name;
    EXPECT_EQ(facts_of(tensor->type).name, type) << name;
    EXPECT_EQ(tensor->shape, shape) << name;
    const std::string expected = read_file((folder / (name + ".f32")).string(), 1 << 20);
    std::vector<float> values(expected.size() / sizeof(float));
    source.read(*tensor, values);
    EXPECT_TRUE(values.empty() || std::memcmp(values.data(), expected.data(), expected.size()) == 0) << name;
  }
  EXPECT_EQ(source.tensors().size(), count);
  EXPECT_GT(count, 4u);
}

class ModelFiles : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kGenerated / "ready")) {
      GTEST_SKIP() << "make_model_files.py wrote nothing: the packages gguf and safetensors are missing";
    }
  }
};

TEST_F(ModelFiles, Gguf) {
  const GgufFile file = GgufFile::open((kGenerated / "types.gguf").string());
  expect_as_listed(file);
  EXPECT_EQ(file.metadata().text("general.architecture"), "llama");
  EXPECT_EQ(file.metadata().texts("some.texts"), (std::vector<std::string_view>{"a", "b"}));
}

TEST_F(ModelFiles, Safetensors) {
  expect_as_listed(SafetensorsFile::open((kGenerated / "one.safetensors").string()));
  expect_as_listed(SafetensorsFile::open((kGenerated / "model.safetensors.index.json").string()));
}

}  // namespace
}  // namespace fllm
