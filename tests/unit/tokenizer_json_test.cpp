// SPDX-License-Identifier: Apache-2.0
#include "host/tokenizer/tokenizer_json.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <fstream>

#include "host/tokenizer/load_tokenizer.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"

namespace fllm {
namespace {

using test::expect_error;
using Ids = std::vector<TokenId>;

const std::string kByteLevel = R"({"type": "ByteLevel", "add_prefix_space": false, "use_regex": true})";
const std::string kVocab = R"("vocab": {"a": 0, "b": 1, "ab": 2, "\u0120": 3}, "merges": ["a b"])";

std::string file_with(const std::string& model, const std::string& pre_tokenizer, const std::string& rest = "") {
  return fmt::format(R"({{"version": "1.0", "pre_tokenizer": {}, "model": {{"type": "BPE", {}}}{}}})", pre_tokenizer,
                     model, rest);
}

std::string split_by(const std::string& escaped_expression) {
  return R"({"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": ")" + escaped_expression +
         R"("}, "behavior": "Isolated", "invert": false}, {"type": "ByteLevel", "add_prefix_space": false, )"
         R"("trim_offsets": true, "use_regex": false}]})";
}

/// As Llama 2's: all bytes, then the pieces.
std::string sentence_piece_file(const std::string& steps, const std::string& merges) {
  std::string vocab = R"("<unk>": 0, "<s>": 1, "</s>": 2)";
  for (int byte = 0; byte < 256; ++byte) vocab += fmt::format(R"(, "<0x{:02X}>": {})", byte, byte + 3);
  vocab += R"(, "▁": 259, "a": 260, "▁a": 261)";
  return fmt::format(R"({{{}, "added_tokens": [{{"id": 0, "content": "<unk>", "special": true}},
    {{"id": 1, "content": "<s>", "special": true}}, {{"id": 2, "content": "</s>", "special": true}}],
    "post_processor": {{"type": "TemplateProcessing", "single": [{{"SpecialToken": {{"id": "<s>", "type_id": 0}}}},
      {{"Sequence": {{"id": "A", "type_id": 0}}}}]}},
    "model": {{"type": "BPE", "byte_fallback": true, "unk_token": "<unk>", "fuse_unk": true, "vocab": {{{}}},
      "merges": {}}}}})",
                     steps, vocab, merges);
}

void refuse(const std::string& json, const std::vector<std::string>& parts) {
  std::vector<std::string> all = parts;
  all.emplace_back("t.json");
  expect_error(ErrorCode::kBadFormat, all, [&] { (void)parse_tokenizer_json(json, "t.json"); });
}

void write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

TEST(TokenizerJson, ByteLevel) {
  const TokenVocabulary vocabulary = parse_tokenizer_json(
      file_with(kVocab, kByteLevel,
                R"(, "added_tokens": [{"id": 4, "content": "<|end|>", "special": true}, {"id": 5, "content": "<t>",
                    "special": false}, {"id": 2, "content": "ab"}])"),
      "t.json");
  EXPECT_EQ(vocabulary.algorithm, TokenAlgorithm::kByteLevelBpe);
  EXPECT_EQ(vocabulary.pre_tokenizer, PreTokenizer::kGpt2);
  EXPECT_EQ(vocabulary.pieces, (std::vector<std::string>{"a", "b", "ab", "\u0120", "<|end|>", "<t>"}));
  EXPECT_EQ(vocabulary.kinds,
            (std::vector<TokenKind>{TokenKind::kNormal, TokenKind::kNormal, TokenKind::kUserDefined, TokenKind::kNormal,
                                    TokenKind::kControl, TokenKind::kUserDefined}));
  EXPECT_EQ(vocabulary.merges, (std::vector<std::pair<std::string, std::string>>{{"a", "b"}}));
  EXPECT_FALSE(vocabulary.add_bos || vocabulary.ignore_merges || vocabulary.bos || vocabulary.unknown);
}

TEST(TokenizerJson, PreTokenizersAreRecognisedByWhatTheySay) {
  const std::string tail = R"( ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+)";
  const std::string head = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|)";
  const std::vector<std::pair<std::string, PreTokenizer>> known = {
      {R"({"type": "ByteLevel", "add_prefix_space": false})", PreTokenizer::kGpt2},
      {R"({"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true}, )" + kByteLevel + "]}",
       PreTokenizer::kSmolLm},
      {split_by(head + R"(\\p{N}{1,3}|)" + tail), PreTokenizer::kLlama3},
      {split_by(head + R"(\\p{N}|)" + tail), PreTokenizer::kQwen2},
      {split_by(R"('s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+)"),
       PreTokenizer::kGpt2},
  };
  for (const auto& [json, kind] : known) {
    EXPECT_EQ(parse_tokenizer_json(file_with(kVocab, json), "t.json").pre_tokenizer, kind) << json;
  }
  for (const std::string json :
       {"null", R"({"type": "ByteLevel"})", R"({"type": "ByteLevel", "add_prefix_space": true})",
        R"({"type": "Whitespace"})", R"({"type": "Sequence", "pretokenizers": 3})",
        R"({"type": "Digits", "individual_digits": true})", "[]", "7"}) {
    refuse(file_with(kVocab, json), {"pre_tokenizer", "known are"});
  }
  refuse(file_with(kVocab, split_by(R"(\\p{N}{1,4})")), {R"(\\p{N}{1,4})"});
  EXPECT_EQ(
      parse_tokenizer_json(file_with(kVocab, kByteLevel, R"(, "normalizer": {"type": "NFC"})"), "t.json").pieces.size(),
      4u);
  refuse(file_with(kVocab, kByteLevel, R"(, "normalizer": {"type": "Lowercase"})"), {"normalizer", "Lowercase", "NFC"});
}

TEST(TokenizerJson, SentencePiece) {
  const std::string prefixed =
      R"("normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
      {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}, "pre_tokenizer": null)";
  TokenVocabulary vocabulary = parse_tokenizer_json(sentence_piece_file(prefixed, R"([["▁", "a"]])"), "t.json");
  EXPECT_EQ(vocabulary.algorithm, TokenAlgorithm::kSentencePieceBpe);
  EXPECT_TRUE(vocabulary.add_space_prefix && vocabulary.add_bos);
  EXPECT_EQ(vocabulary.bos, 1);
  EXPECT_EQ(vocabulary.unknown, 0);
  EXPECT_EQ(vocabulary.kinds[0], TokenKind::kUnknown);
  EXPECT_EQ(vocabulary.kinds[13], TokenKind::kByte);
  const auto tokenizer = make_tokenizer(std::move(vocabulary), "t.json");
  EXPECT_EQ(tokenizer->encode("a\n"), (Ids{261, 13}));

  const auto prefix = [](const std::string& steps) {
    return parse_tokenizer_json(sentence_piece_file(steps, R"(["▁ a"])"), "t.json").add_space_prefix;
  };
  EXPECT_FALSE(prefix(R"("normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"})"));
  const std::string metaspace = R"("pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "split": false)";
  EXPECT_TRUE(prefix(metaspace + R"(, "prepend_scheme": "first"})"));
  EXPECT_TRUE(prefix(metaspace + "}"));
  EXPECT_FALSE(prefix(metaspace + R"(, "prepend_scheme": "never"})"));
  EXPECT_FALSE(prefix(metaspace + R"(, "add_prefix_space": false})"));
  refuse(sentence_piece_file(metaspace + R"(, "prepend_scheme": 1})", "[\"▁ a\"]"), {"pre_tokenizer", "known are"});
  refuse(sentence_piece_file(R"("pre_tokenizer": {"type": "Metaspace", "replacement": "▁"})", "[]"),
         {"pre_tokenizer", "Metaspace", "model.merges: must not be empty"});
}

TEST(TokenizerJson, EverythingWrongIsListed) {
  refuse(file_with(
             R"("vocab": {"a": 0, "b": 0, "c": 7, "d": -1, "e": 1048576, "f": "1"}, "merges": ["ab", "a  b", 3, ["a"]],
                      "dropout": 0.1, "end_of_word_suffix": "</w>")",
             R"({"type": "X"})"),
         {"vocab[\"b\"]: 0: the id of \"a\" too", "vocab[\"d\"]: -1", "vocab[\"e\"]: 1048576", "dropout: 0.1",
          "end_of_word_suffix", "pre_tokenizer", "more"});
  refuse(file_with(R"("vocab": {"a": 0, "c": 7}, "merges": ["ab", "a  b", 3, ["a"]])", kByteLevel),
         {"6 of the ids 0 to 7 have no token: 1, 2, 3, ...", "merges[0]: \"ab\"", "merges[1]", "merges[2]: 3",
          "merges[3]: [\"a\"]"});
  refuse(file_with(kVocab, kByteLevel, R"(, "added_tokens": [{"id": 0, "content": "x"}, {"content": "y"}, {"id": 4}, 5,
                                          {"id": 4, "content": ""}, {"id": 4, "content": "z", "special": 1}])"),
         {"added_tokens[0]: 0: the id of \"a\" too", "added_tokens[1]: null", "added_tokens[2]", "added_tokens[3]: 5",
          "added_tokens[4]", "added_tokens[5]: special: 1"});
  refuse("{", {"JSON"});
  refuse("[]", {"model: must be an object"});
  refuse(R"({"model": {}})", {"model.vocab", "model.merges"});
  refuse(R"({"model": {"type": "Unigram", "vocab": [], "merges": {}}})",
         {"model.type: \"Unigram\"", "vocab", "merges"});
  refuse(file_with(kVocab + R"(, "unk_token": "<unk>")", kByteLevel), {"unk_token: \"<unk>\""});
  refuse(file_with(kVocab + R"(, "byte_fallback": true, "ignore_merges": true)", "null"),
         {"0 tokens like <0x0A>: must be 256", "ignore_merges"});
  refuse(file_with(kVocab, kByteLevel, R"(, "added_tokens": {})"), {"added_tokens: {}"});
  refuse(std::string(100000, '['), {"nested deeper"});
  // Merges of pieces that are not there are found when the tokenizer is made.
  expect_error(ErrorCode::kBadFormat, {"t.json", "merges[0]", "\"ba\""}, [] {
    (void)make_tokenizer(
        parse_tokenizer_json(file_with(R"("vocab": {"a": 0, "b": 1}, "merges": ["b a"])", kByteLevel), "t.json"),
        "t.json");
  });
}

TEST(TokenizerConfig, NamesTheTokensThatAFileLeavesOpen) {
  const TokenizerConfig config = parse_tokenizer_config(
      R"({"bos_token": {"content": "a", "lstrip": false}, "eos_token": "<|end|>", "unk_token": null, "add_bos_token": true,
          "chat_template": [{"name": "tool_use", "template": "x"}, {"name": "default", "template": "y"}]})",
      "c.json");
  EXPECT_EQ(config.chat_template, "y");
  TokenVocabulary vocabulary = parse_tokenizer_json(
      file_with(kVocab, kByteLevel, R"(, "added_tokens": [{"id": 4, "content": "<|end|>", "special": true}])"),
      "t.json");
  apply(config, vocabulary, "c.json");
  EXPECT_EQ(vocabulary.bos, 0);
  EXPECT_EQ(vocabulary.eos, 4);
  EXPECT_TRUE(vocabulary.add_bos);
  apply({{}, {}, {}, "[PAD]", {}, {}}, vocabulary, "c.json");  // many files name one that is not there
  EXPECT_EQ(vocabulary.pad, std::nullopt);
  apply({{}, {}, {}, "b", {}, {}}, vocabulary, "c.json");
  EXPECT_EQ(vocabulary.pad, 1);
  EXPECT_EQ(parse_tokenizer_config(R"({"chat_template": "z"})", "c.json").chat_template, "z");
  expect_error(ErrorCode::kBadFormat,
               {"c.json", "bos_token: 3", "eos_token: {", "chat_template: 1", "add_bos_token: \"x\""}, [] {
                 (void)parse_tokenizer_config(
                     R"({"bos_token": 3, "eos_token": {}, "chat_template": 1, "add_bos_token": "x"})", "c.json");
               });
  expect_error(ErrorCode::kBadFormat, {"c.json", "JSON object"}, [] { (void)parse_tokenizer_config("[]", "c.json"); });
  expect_error(ErrorCode::kBadFormat, {"eos_token: \"zz\"", "add_bos_token"}, [&] {
    vocabulary.bos.reset();
    apply({{}, "zz", {}, {}, true, {}}, vocabulary, "c.json");
  });
}

TEST(TokenizerJson, EndsByName) {
  TokenVocabulary vocabulary;
  vocabulary.pieces = {"<|eot_id|>", "</s>", "<|endoftext|>", "a"};
  vocabulary.kinds = {TokenKind::kControl, TokenKind::kNormal, TokenKind::kControl, TokenKind::kNormal};
  add_ends_by_name(vocabulary);
  EXPECT_EQ(vocabulary.eos, 2);
  EXPECT_EQ(vocabulary.end_ids, (Ids{2, 0}));
}

TEST(LoadTokenizer, TheContentTellsTheFormat) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(load_tokenizer("apps/models/shakespeare/tokenizer.json")->description(), "character, 69 tokens");

  write(folder.path("tokenizer.json"),
        file_with(kVocab, kByteLevel, R"(, "added_tokens": [{"id": 4, "content": "<|im_end|>", "special": true}])"));
  auto tokenizer = load_tokenizer(folder.path("tokenizer.json"));
  EXPECT_EQ(tokenizer->description(), "byte-level BPE (gpt2), 5 tokens");
  EXPECT_EQ(tokenizer->end_ids(), Ids{4});
  EXPECT_EQ(tokenizer->bos(), std::nullopt);
  write(folder.path("tokenizer_config.json"),
        R"({"bos_token": "<|im_end|>", "add_bos_token": true, "chat_template": "x"})");
  LoadedTokenizer loaded = load_tokenizer_files(folder.path("tokenizer.json"));
  EXPECT_EQ(loaded.chat_template, "x");
  tokenizer = std::move(loaded.tokenizer);
  EXPECT_EQ(tokenizer->bos(), 4);
  EXPECT_TRUE(tokenizer->add_bos());

  write(folder.path("vocab.json"),
        R"({"a": 0, "b": 1, "model": 2, "\u0120a": 3, "\u0120": 4, "<|endoftext|>": 5, "ab": 6})");
  expect_error(ErrorCode::kBadFormat, {"vocab.json", "char_to_id", "merges.txt"},
               [&] { (void)load_tokenizer(folder.path("vocab.json")); });
  write(folder.path("merges.txt"), "#version: 0.2\n\u0120 a\r\na b\n\n");
  loaded = load_tokenizer_files(folder.path("vocab.json"));
  EXPECT_EQ(loaded.chat_template, "x");
  tokenizer = std::move(loaded.tokenizer);
  EXPECT_EQ(tokenizer->encode("ab ab"), (Ids{6, 3, 1}));
  EXPECT_EQ(tokenizer->eos(), 5);
  EXPECT_TRUE(tokenizer->is_special(5));
  write(folder.path("merges.txt"), "a b c\n");
  expect_error(ErrorCode::kBadFormat, {"vocab.json", "merges.txt", "line 1", "\"a b c\""},
               [&] { (void)load_tokenizer(folder.path("vocab.json")); });

  expect_error(ErrorCode::kNotFound, {"absent.json", "beside its checkpoint"},
               [&] { (void)load_tokenizer(folder.path("absent.json")); });
  write(folder.path("other"), "GGUF\x03");
  expect_error(ErrorCode::kBadFormat, {"other", "JSON"}, [&] { (void)load_tokenizer(folder.path("other")); });
}

}  // namespace
}  // namespace fllm
