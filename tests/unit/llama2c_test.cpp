// SPDX-License-Identifier: Apache-2.0
#include "host/model/llama2c_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>

#include "host/tokenizer/llama2c_vocabulary.h"
#include "tests/support/expect_error.h"
#include "tests/support/file_bytes.h"

namespace fllm {
namespace {

using test::bytes_of;
using test::expect_error;
using test::view_of;

/// dim 4, hidden 3, two layers, two heads of 2, one of keys, five pieces, context of 6.
std::vector<std::int32_t> small_header(std::int32_t vocab_size) { return {4, 3, 2, 2, 1, vocab_size, 6}; }

/// Every element is its own number, counted through the file.
std::string file_of(const std::vector<std::int32_t>& header, std::int32_t elements) {
  std::vector<float> values;
  values.reserve(static_cast<std::size_t>(elements));
  for (std::int32_t i = 0; i < elements; ++i) values.push_back(static_cast<float>(i));
  return bytes_of(header) + bytes_of(values);
}

constexpr std::int32_t kLayers = 2 * (4 + 16 + 8 + 8 + 16 + 4 + 12 + 12 + 12);
constexpr std::int32_t kShared = 20 + kLayers + 4 + 2 * 6;  // elements

TEST(Llama2c, FindsEveryTensor) {
  struct Expected {
    std::string name;
    std::vector<std::int64_t> shape;
    float first;
  };
  const std::vector<Expected> all = {{"token_embedding_table", {5, 4}, 0},
                                     {"rms_att_weight.0", {4}, 20},
                                     {"rms_att_weight.1", {4}, 24},
                                     {"wq.0", {4, 4}, 28},
                                     {"wq.1", {4, 4}, 44},
                                     {"wk.0", {2, 4}, 60},
                                     {"wk.1", {2, 4}, 68},
                                     {"wv.0", {2, 4}, 76},
                                     {"wv.1", {2, 4}, 84},
                                     {"wo.0", {4, 4}, 92},
                                     {"wo.1", {4, 4}, 108},
                                     {"rms_ffn_weight.0", {4}, 124},
                                     {"rms_ffn_weight.1", {4}, 128},
                                     {"w1.0", {3, 4}, 132},
                                     {"w1.1", {3, 4}, 144},
                                     {"w2.0", {4, 3}, 156},
                                     {"w2.1", {4, 3}, 168},
                                     {"w3.0", {3, 4}, 180},
                                     {"w3.1", {3, 4}, 192},
                                     {"rms_final_weight", {4}, 204},
                                     {"wcls", {5, 4}, 220}};
  for (const bool shared : {true, false}) {
    const std::string bytes = file_of(small_header(shared ? 5 : -5), shared ? kShared : kShared + 20);
    const Llama2cFile file = Llama2cFile::from_memory(view_of(bytes), "f.bin");
    EXPECT_EQ(file.header().vocab_size, 5);
    EXPECT_EQ(file.header().shared_classifier, shared);
    EXPECT_EQ(file.header().kv_dim(), 2);
    ASSERT_EQ(file.tensors().size(), shared ? all.size() - 1 : all.size());
    for (std::size_t i = 0; i < file.tensors().size(); ++i) {
      const TensorInfo& tensor = file.tensors()[i];
      EXPECT_EQ(tensor.name, all[i].name);
      EXPECT_EQ(tensor.shape, all[i].shape) << tensor.name;
      std::vector<float> values(tensor.bytes / sizeof(float));
      file.read(tensor, values);
      EXPECT_EQ(values.front(), all[i].first) << tensor.name;
      EXPECT_EQ(values.back(), all[i].first + static_cast<float>(values.size() - 1)) << tensor.name;
    }
  }
}

TEST(Llama2c, BadFiles) {
  const auto expect_bad = [](std::size_t field, std::int32_t value, const std::vector<std::string>& parts) {
    std::vector<std::int32_t> header = small_header(5);
    header[field] = value;
    const std::string bytes = file_of(header, kShared);
    expect_error(ErrorCode::kBadFormat, parts, [&] { (void)Llama2cFile::from_memory(view_of(bytes), "f.bin"); });
  };
  constexpr std::int32_t kLeast = std::numeric_limits<std::int32_t>::min();
  for (const std::int32_t value : {0, -1, kLeast, std::numeric_limits<std::int32_t>::max()}) {
    for (const std::size_t field : {0, 1, 2, 3, 4, 6}) expect_bad(field, value, {"f.bin", std::to_string(value)});
  }
  expect_bad(5, 0, {"f.bin", "vocab_size: 0"});
  expect_bad(5, kLeast, {"f.bin", "vocab_size: -2147483648"});
  expect_bad(5, std::numeric_limits<std::int32_t>::max(), {"vocab_size: 2147483647"});
  expect_bad(0, 6, {"dim: 6", "n_heads, 2, times an even number"});
  expect_bad(4, 3, {"n_kv_heads: 3", "must divide n_heads, 2"});
  expect_bad(5, 6, {"f.bin", "asks for"});
  expect_bad(2, 1024, {"f.bin", "asks for"});
  expect_error(ErrorCode::kBadFormat, {"dim: 0", "hidden_dim: -7", "seq_len: -1"}, [] {
    const std::string bytes = bytes_of(std::vector<std::int32_t>{0, -7, 2, 2, 1, 5, -1});
    (void)Llama2cFile::from_memory(view_of(bytes), "f.bin");
  });
  expect_bad(5, -5, {"f.bin", "asks for"});  // the separate classifier is missing
  const std::string whole = file_of(small_header(5), kShared);
  for (const std::size_t size : {std::size_t{0}, std::size_t{27}, std::size_t{28}, whole.size() - 1}) {
    expect_error(ErrorCode::kBadFormat, {"f.bin"},
                 [&] { (void)Llama2cFile::from_memory(view_of(whole).first(size), "f.bin"); });
  }
  expect_error(ErrorCode::kUnsupported, {"f.bin", "--version 0"}, [] {
    const std::string bytes = "24ka" + std::string(252, '\0');
    (void)Llama2cFile::from_memory(view_of(bytes), "f.bin");
  });
}

std::string piece(std::string_view text, float score) {
  return (bytes_of(score) + bytes_of(static_cast<std::int32_t>(text.size()))).append(text);
}
const std::string kSpecials =
    bytes_of<std::int32_t>(7) + piece("<unk>", 0) + piece("\n<s>\n", 0) + piece("\n</s>\n", 0);

TEST(Llama2cVocabulary, ReadsPieces) {
  const std::string bytes =
      kSpecials + piece("<0x0A>", 0) + piece(" the", -5) + piece("<0xZZ>", -6) + piece("\xe2", -7);
  const TokenVocabulary v = parse_llama2c_vocabulary(view_of(bytes), "t.bin");
  EXPECT_EQ(v.algorithm, TokenAlgorithm::kSentencePieceBpe);
  EXPECT_EQ(v.pieces, (std::vector<std::string>{"<unk>", "<s>", "</s>", "<0x0A>", "\u2581the", "<0xZZ>", "\xe2"}));
  EXPECT_EQ(v.kinds,
            (std::vector<TokenKind>{TokenKind::kUnknown, TokenKind::kControl, TokenKind::kControl, TokenKind::kByte,
                                    TokenKind::kNormal, TokenKind::kNormal, TokenKind::kNormal}));
  EXPECT_EQ(v.scores, (std::vector<float>{0, 0, 0, 0, -5, -6, -7}));
  EXPECT_EQ(v.bos, 1);
  EXPECT_EQ(v.eos, 2);
  EXPECT_EQ(v.unknown, 0);
  EXPECT_EQ(v.end_ids, (std::vector<TokenId>{1, 2}));
  EXPECT_TRUE(v.add_bos && v.add_space_prefix);
}

TEST(Llama2cVocabulary, BadFiles) {
  const auto expect_bad = [](const std::string& bytes, const std::vector<std::string>& parts) {
    expect_error(ErrorCode::kBadFormat, parts, [&] { (void)parse_llama2c_vocabulary(view_of(bytes), "t.bin"); });
  };
  const auto with_length = [](std::int32_t length) { return kSpecials + bytes_of(0.0f) + bytes_of(length) + "abc"; };
  expect_bad("", {"t.bin", "longest piece"});
  expect_bad(bytes_of<std::int32_t>(0), {"t.bin", "longest piece has 0"});
  expect_bad(bytes_of<std::int32_t>(-1), {"t.bin", "longest piece has -1"});
  expect_bad(bytes_of<std::int32_t>(7), {"t.bin", "0 pieces"});
  expect_bad(bytes_of<std::int32_t>(7) + piece("<unk>", 0) + piece("x", 0) + piece("</s>", 0),
             {"piece 1", "\"x\"", "<s>"});
  expect_bad(with_length(0), {"t.bin", "piece 3", "0 bytes"});
  expect_bad(with_length(-1), {"t.bin", "piece 3", "-1 bytes"});
  expect_bad(with_length(8), {"t.bin", "piece 3", "8 bytes", "1 to 7"});
  expect_bad(with_length(4), {"t.bin", "a piece", "4 bytes"});
  expect_bad(kSpecials + piece("a", std::nanf("")), {"t.bin", "piece 3", "not a number"});
  expect_bad(kSpecials + "abc", {"t.bin", "a score"});
}

TEST(Llama2c, Stories260K) {
  const char* folder = std::getenv("FLLM_STORIES260K");
  if (folder == nullptr) GTEST_SKIP() << "FLLM_STORIES260K does not name the folder of stories260K.bin and tok512.bin";
  const std::filesystem::path path = folder;
  const Llama2cFile file = Llama2cFile::open((path / "stories260K.bin").string());
  EXPECT_EQ(file.header().dim, 64);
  EXPECT_EQ(file.header().n_layers, 5);
  EXPECT_EQ(file.header().vocab_size, 512);
  EXPECT_TRUE(file.header().shared_classifier);
  EXPECT_EQ(file.tensors().size(), 5u * 9 + 2);
  for (const TensorInfo& tensor : file.tensors()) {
    std::vector<float> values(tensor.bytes / sizeof(float));
    file.read(tensor, values);
    for (const float value : values) ASSERT_LT(std::fabs(value), 20) << tensor.name;  // wrong offsets give any bits
  }
  const TokenVocabulary v = read_llama2c_vocabulary((path / "tok512.bin").string());
  EXPECT_EQ(v.pieces.size(), 512u);
  EXPECT_EQ(v.kinds[3], TokenKind::kByte);
  EXPECT_EQ(v.kinds[258], TokenKind::kByte);
  EXPECT_EQ(v.pieces[259], "\u2581t");
}

}  // namespace
}  // namespace fllm
