// SPDX-License-Identifier: Apache-2.0
#include "host/tokenizer/gguf_vocabulary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "host/model/gguf_file.h"
#include "tests/support/expect_error.h"
#include "tests/support/gguf_writer.h"

namespace fllm {
namespace {

namespace gguf = test::gguf;
using test::view_of;

/// Values by key, without "tokenizer.ggml.".
using Keys = std::map<std::string, std::string>;

Keys byte_level() {
  return {{"model", gguf::text("gpt2")},
          {"pre", gguf::text("smollm")},
          {"tokens", gguf::texts({"<|endoftext|>", "<|im_end|>", "a", "b", "ab", "<|eot_id|>", "<pad>"})},
          {"token_type", gguf::i32s({3, 3, 1, 1, 1, 4, 3})},
          {"merges", gguf::texts({"a b"})},
          {"bos_token_id", gguf::u32(0)},
          {"eos_token_id", gguf::u32(1)},
          {"padding_token_id", gguf::u32(6)}};
}

Keys sentence_piece() {
  return {{"model", gguf::text("llama")},
          {"tokens", gguf::texts({"<unk>", "<s>", "</s>", "<0x00>", "\u2581a", "x"})},
          {"token_type", gguf::i32s({2, 3, 3, 6, 1, 5})},
          {"scores", gguf::f32s({0, 0, 0, 0, -1, -INFINITY})},
          {"bos_token_id", gguf::u32(1)},
          {"eos_token_id", gguf::u32(2)},
          {"unknown_token_id", gguf::u32(0)}};
}

TokenVocabulary read(const Keys& keys, const char* architecture = "llama") {
  gguf::File f;
  f.keys.emplace_back("general.architecture", gguf::text(architecture));
  for (const auto& [key, value] : keys) f.keys.emplace_back("tokenizer.ggml." + key, value);
  f.keys.emplace_back("tokenizer.chat_template", gguf::text("{{ x }}"));
  const std::string bytes = gguf::file(f);
  const GgufFile file = GgufFile::from_memory(view_of(bytes), "f.gguf");
  EXPECT_EQ(file.metadata().find_text("tokenizer.chat_template"), "{{ x }}");
  return vocabulary_of(file.metadata());
}

Keys with(Keys keys, const std::string& key, const std::string& value) {
  keys[key] = value;
  return keys;
}
Keys without(Keys keys, const std::string& key) {
  keys.erase(key);
  return keys;
}

TEST(GgufVocabulary, ByteLevelBpe) {
  const TokenVocabulary v = read(byte_level());
  EXPECT_EQ(v.algorithm, TokenAlgorithm::kByteLevelBpe);
  EXPECT_EQ(v.pre_tokenizer, PreTokenizer::kSmolLm);
  EXPECT_EQ(v.pieces[4], "ab");
  EXPECT_EQ(v.kinds[5], TokenKind::kUserDefined);
  EXPECT_EQ(v.merges, (std::vector<std::pair<std::string, std::string>>{{"a", "b"}}));
  EXPECT_TRUE(v.scores.empty());
  EXPECT_EQ(v.bos, 0);
  EXPECT_EQ(v.eos, 1);
  EXPECT_EQ(v.pad, 6);
  EXPECT_EQ(v.unknown, std::nullopt);
  EXPECT_EQ(v.end_ids, (std::vector<TokenId>{0, 1}));  // <|eot_id|> is no control token here
  EXPECT_FALSE(v.add_bos || v.add_space_prefix || v.ignore_merges);
  EXPECT_EQ(read(with(byte_level(), "eot_token_id", gguf::u32(5))).end_ids, (std::vector<TokenId>{0, 1, 5}));
  EXPECT_TRUE(read(with(byte_level(), "add_bos_token", gguf::flag(true))).add_bos);
  EXPECT_EQ(read(without(byte_level(), "token_type")).kinds, std::vector<TokenKind>(7, TokenKind::kNormal));
}

TEST(GgufVocabulary, PreTokenizers) {
  for (const auto& [name, expected] : std::map<std::string, PreTokenizer>{{"gpt-2", PreTokenizer::kGpt2},
                                                                          {"default", PreTokenizer::kDefault},
                                                                          {"llama-bpe", PreTokenizer::kLlama3},
                                                                          {"llama3", PreTokenizer::kLlama3},
                                                                          {"llama-v3", PreTokenizer::kLlama3},
                                                                          {"qwen2", PreTokenizer::kQwen2},
                                                                          {"smollm", PreTokenizer::kSmolLm}}) {
    const TokenVocabulary v = read(with(byte_level(), "pre", gguf::text(name)));
    EXPECT_EQ(v.pre_tokenizer, expected) << name;
    EXPECT_EQ(v.ignore_merges, expected == PreTokenizer::kLlama3) << name;
    EXPECT_EQ(v.add_bos, expected == PreTokenizer::kLlama3) << name;
  }
  // Files older than the key.
  EXPECT_EQ(read(without(byte_level(), "pre")).pre_tokenizer, PreTokenizer::kDefault);
  EXPECT_EQ(read(without(byte_level(), "pre"), "gpt2").pre_tokenizer, PreTokenizer::kGpt2);
}

TEST(GgufVocabulary, SentencePiece) {
  const TokenVocabulary v = read(sentence_piece());
  EXPECT_EQ(v.algorithm, TokenAlgorithm::kSentencePieceBpe);
  EXPECT_EQ(v.pieces[4], "\u2581a");
  EXPECT_EQ(v.kinds, (std::vector<TokenKind>{TokenKind::kUnknown, TokenKind::kControl, TokenKind::kControl,
                                             TokenKind::kByte, TokenKind::kNormal, TokenKind::kUnused}));
  EXPECT_EQ(v.scores, (std::vector<float>{0, 0, 0, 0, -1, -INFINITY}));
  EXPECT_EQ(v.unknown, 0);
  EXPECT_EQ(v.end_ids, std::vector<TokenId>{2});
  EXPECT_TRUE(v.add_bos && v.add_space_prefix);
  EXPECT_FALSE(read(with(sentence_piece(), "add_bos_token", gguf::flag(false))).add_bos);
  EXPECT_FALSE(read(with(sentence_piece(), "add_space_prefix", gguf::flag(false))).add_space_prefix);
  EXPECT_FALSE(read(without(sentence_piece(), "bos_token_id")).add_bos);
}

TEST(GgufVocabulary, BadMetadata) {
  const auto expect_bad = [](const Keys& keys, std::vector<std::string> parts, ErrorCode code = ErrorCode::kBadFormat) {
    parts.emplace_back("f.gguf");
    test::expect_error(code, parts, [&] { (void)read(keys); });
  };
  const Keys bpe = byte_level(), spm = sentence_piece();
  expect_bad(without(bpe, "model"), {"tokenizer.ggml.model", "missing"});
  expect_bad(with(bpe, "model", gguf::text("bert")), {"tokenizer.ggml.model", "\"bert\"", "gpt2, llama"},
             ErrorCode::kUnsupported);
  expect_bad(with(bpe, "pre", gguf::text("tekken")),
             {"tokenizer.ggml.pre", "\"tekken\"", "default, gpt-2, llama-bpe, llama-v3, llama3, qwen2, smollm"},
             ErrorCode::kUnsupported);
  expect_bad(without(bpe, "tokens"), {"tokenizer.ggml.tokens", "missing"});
  expect_bad(with(bpe, "tokens", gguf::texts({})), {"tokenizer.ggml.tokens", "0 elements"});
  expect_bad(with(bpe, "tokens", gguf::text("a")), {"tokenizer.ggml.tokens", "STRING"});
  expect_bad(with(bpe, "tokens", gguf::i32s({1})), {"tokenizer.ggml.tokens", "ARRAY of 1 INT32"});
  expect_bad(with(bpe, "tokens", gguf::array(8, (1 << 20) + 1, std::string(8 << 20, '\0') + std::string(8, '\0'))),
             {"tokenizer.ggml.tokens", "1048577 elements", "1 to 1048576"});
  expect_bad(with(bpe, "token_type", gguf::i32s({1})), {"tokenizer.ggml.token_type", "1 elements", "7"});
  expect_bad(with(bpe, "token_type", gguf::i32s({1, 1, 1, 1, 1, 1, 7})), {"token_type", "element 6", "7", "[1, 6]"});
  expect_bad(with(bpe, "token_type", gguf::i32s({0, 1, 1, 1, 1, 1, 1})), {"token_type", "element 0"});
  expect_bad(without(bpe, "merges"), {"tokenizer.ggml.merges", "missing"});
  for (const std::string merge : {"", "a", " a", "a ", "a b c", " ", "a  b"}) {
    expect_bad(with(bpe, "merges", gguf::texts({"a b", merge})), {"tokenizer.ggml.merges", "element 1", "a space"});
  }
  expect_bad(without(spm, "scores"), {"tokenizer.ggml.scores", "missing"});
  expect_bad(with(spm, "scores", gguf::f32s({0})), {"tokenizer.ggml.scores", "1 elements", "6"});
  expect_bad(with(spm, "scores", gguf::f32s({0, 0, 0, 0, NAN, 0})), {"scores", "element 4", "not a number"});
  for (const std::string key : {"bos", "eos", "eot", "unknown", "padding"}) {
    expect_bad(with(bpe, key + "_token_id", gguf::u32(7)), {key + "_token_id", "7", "[0, 6]"});
    expect_bad(with(bpe, key + "_token_id", gguf::number<std::int32_t>(5, -1)), {key + "_token_id", "-1", "[0, 6]"});
  }
  expect_bad(with(bpe, "add_bos_token", gguf::u32(1)), {"add_bos_token", "UINT32", "BOOL"});
  expect_bad(with(without(bpe, "bos_token_id"), "add_bos_token", gguf::flag(true)), {"add_bos_token", "bos_token_id"});
}

}  // namespace
}  // namespace fllm
