// SPDX-License-Identifier: Apache-2.0
// GGUF files whose matrices have different types, as quantisers mix them: parts of one fused matrix too.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

#include "host/model/gguf_file.h"
#include "host/model/tensor_type.h"
#include "host/model/weight_names.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/model_runner.h"
#include "tests/support/plain_model.h"
#include "tests/support/quantized_oracle.h"
#include "tests/support/temporary_folder.h"

namespace fllm {
namespace {

using test::PlainLayer;
using test::PlainMatrix;
using test::PlainModel;

/// Types of a layer's matrices by their names in a GGUF.
using Types = std::map<std::string, TensorType>;

/// Qwen2, since its pairs lie as those of the plain model and its biases are split with the matrices. Outputs that are no
/// multiple of what a kernel takes at once; inputs of whole blocks.
ModelConfig config() {
  ModelConfig config = test::small_qwen2();
  config.d_model = 256;
  config.num_heads = 4;
  config.num_kv_heads = 1;
  config.head_dim = 24;
  config.ffn_width = 288;
  return config;
}

/// Random blocks of a type, of elements up to about 0.2.
std::string random_blocks(TensorType type, std::size_t elements, std::mt19937& random) {
  const TensorTypeFacts& facts = facts_of(type);
  std::string bytes(elements / facts.elements * facts.bytes, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  const auto halves = [&](std::size_t at, std::uint16_t bits) {
    for (std::size_t block = 0; block < bytes.size(); block += facts.bytes) {
      bytes[block + at] = static_cast<char>(bits & 255), bytes[block + at + 1] = static_cast<char>(bits >> 8);
    }
  };
  switch (type) {
    case TensorType::kQ4_K:
      halves(0, 0x0c00), halves(2, 0x1780);  // 2^-12, 7.5 * 2^-12
      break;
    case TensorType::kQ6_K:
      halves(208, 0x0100);  // 2^-16
      break;
    case TensorType::kQ8_0:
      halves(0, 0x1400);  // 2^-10
      break;
    case TensorType::kQ4_1:
      halves(0, 0x2400), halves(2, 0xaf80);  // 2^-6, -7.5 * 2^-6
      break;
    default:
      halves(0, 0x2000);  // 2^-7, of Q4_0 and Q5_0
  }
  return bytes;
}

/// Gives a plain model the values of random blocks. The tensor for a file.
test::gguf::Tensor quantize(PlainMatrix& matrix, const std::string& name, TensorType type, std::mt19937& random) {
  const TensorTypeFacts& facts = facts_of(type);
  const std::string content = random_blocks(type, matrix.values.size(), random);
  const auto bytes = std::as_bytes(std::span(content));
  for (std::size_t i = 0; i < matrix.values.size(); ++i) {
    const auto block = bytes.subspan(i / facts.elements * facts.bytes, facts.bytes);
    matrix.values[i] = test::block_element(type, block, static_cast<int>(i % facts.elements));
  }
  return {name,
          {static_cast<std::uint64_t>(matrix.cols), static_cast<std::uint64_t>(matrix.rows)},
          facts.gguf_type,
          content};
}

struct Written {
  PlainModel plain = test::random_model(config());
  std::string bytes;
  std::int64_t block_bytes = 0, expanded_bytes = 0;  // of matrices that are quantised, and of the others in fp32
};

Written write(const Types& types) {
  Written written;
  std::mt19937 random(11);
  std::map<std::string, test::gguf::Tensor> blocks;
  for (std::size_t i = 0; i < written.plain.layers.size(); ++i) {
    PlainLayer& layer = written.plain.layers[i];
    const std::map<std::string, PlainMatrix*> matrices = {
        {"attn_q", &layer.query},  {"attn_k", &layer.key},
        {"attn_v", &layer.value},  {"attn_output", &layer.attention_out},
        {"ffn_gate", &layer.gate}, {"ffn_up", &layer.up},
        {"ffn_down", &layer.down}};
    for (const auto& [name, type] : types) {
      const std::string full = "blk." + std::to_string(i) + "." + name + ".weight";
      blocks[full] = quantize(*matrices.at(name), full, type, random);
    }
  }
  test::gguf::File file;
  const test::MemorySource source = test::as_gguf(written.plain);
  for (const TensorInfo& tensor : source.tensors()) {
    if (const auto found = blocks.find(tensor.name); found != blocks.end()) {
      file.tensors.push_back(found->second);
      written.block_bytes += static_cast<std::int64_t>(found->second.content.size());
      continue;
    }
    std::vector<float> values(tensor.bytes / sizeof(float));
    source.read(tensor, values);
    file.tensors.push_back({tensor.name, {tensor.shape.rbegin(), tensor.shape.rend()}, 0, test::bytes_of(values)});
    written.expanded_bytes += static_cast<std::int64_t>(tensor.bytes);
  }
  written.bytes = test::gguf::file(file);
  return written;
}

void expect_computed_from_blocks(const Types& types) {
  const Written written = write(types);
  const test::TemporaryFolder folder;
  const auto backend = make_backend({.device = "cpu", .threads = 2});
  const Model model = load_model(GgufFile::open(folder.write("mixed.gguf", written.bytes)), config(),
                                 weight_names(WeightFormat::kGguf, Architecture::kQwen2), *backend);
  // Every block as it is; the embedding once more as the output; the rotary table.
  const std::int64_t embedding = std::int64_t{config().vocab_size} * config().d_model;
  const std::int64_t table = std::int64_t{config().sequence_length} * config().rotary.dimensions;
  EXPECT_EQ(model.weight_bytes, written.block_bytes + written.expanded_bytes + 4 * (embedding + table));

  std::vector<std::int32_t> tokens(40);
  for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<std::int32_t>(i * i * 7 % 50);
  test::ModelRunner runner(*backend, model, 1, 5);
  const std::vector<float> logits = runner.step({{0, 0, tokens}});
  const std::vector<std::vector<double>> expected = test::plain_logits(written.plain, tokens);
  double squares = 0, greatest = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const double wanted = expected[i / 50][i % 50];
    squares += wanted * wanted;
    greatest = std::max(greatest, std::fabs(logits[i] - wanted));
  }
  const double deviation = std::sqrt(squares / static_cast<double>(logits.size()));
  EXPECT_GT(deviation, 0.5);
  // Inputs of products keep 15 bits: 4e-5 of a product's deviation is lost in each of the eight chains of two layers, whose
  // errors add by their squares; of 2,000 logits no error should be beyond five times what that makes.
  EXPECT_LE(greatest, 5 * 4e-5 * std::sqrt(8.0) * deviation) << "of logits with the deviation " << deviation;
}

// What llama.cpp calls Q4_K_M: half of the layers have their values and their last matrix in more bits.
TEST(MixedTypes, ValuesInMoreBits) {
  expect_computed_from_blocks({{"attn_q", TensorType::kQ4_K},
                               {"attn_k", TensorType::kQ4_K},
                               {"attn_v", TensorType::kQ6_K},
                               {"ffn_gate", TensorType::kQ4_K},
                               {"ffn_up", TensorType::kQ4_K},
                               {"ffn_down", TensorType::kQ8_0},
                               {"attn_output", TensorType::kQ5_0}});
}

TEST(MixedTypes, EveryPartAnother) {
  expect_computed_from_blocks({{"attn_q", TensorType::kQ5_0},
                               {"attn_k", TensorType::kQ8_0},
                               {"attn_v", TensorType::kQ4_1},
                               {"ffn_gate", TensorType::kQ6_K},
                               {"ffn_up", TensorType::kQ4_0}});
}

// Keys alone are quantised: their neighbours stay apart.
TEST(MixedTypes, BlocksBesideFloats) {
  expect_computed_from_blocks({{"attn_k", TensorType::kQ4_K}, {"ffn_up", TensorType::kQ8_0}});
}

}  // namespace
}  // namespace fllm
