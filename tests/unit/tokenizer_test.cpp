// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "host/tokenizer/character_tokenizer.h"
#include "host/tokenizer/load_tokenizer.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"

namespace fllm {
namespace {

using test::expect_error;

const std::string kSpecials = R"("<PAD>": 0, "<UNK>": 1, "<BOS>": 2, "<EOS>": 3)";
const std::string kSpecialList = R"("special_tokens": ["<PAD>", "<UNK>", "<BOS>", "<EOS>"])";

std::string file_with(const std::string& entries) {
  return "{\"min_frequency\": 1, \"char_to_id\": {" + kSpecials + entries + "}, " + kSpecialList + "}";
}

CharacterTokenizer tokenizer_of(const std::string& json) {
  return CharacterTokenizer(parse_character_vocabulary(json, "t.json"));
}

void expect_bad_tokenizer(const std::string& json, std::vector<std::string> parts) {
  parts.emplace_back("t.json");
  expect_error(ErrorCode::kBadFormat, parts, [&] { (void)parse_character_vocabulary(json, "t.json"); });
}

TEST(CharacterTokenizer, OneCodePointIsOneToken) {
  // Python writes U+1F600 as a surrogate pair.
  const auto tokenizer = tokenizer_of(file_with(R"(, "\n": 4, "a": 5, "\u00e9": 6, "\u20ac": 7, "\ud83d\ude00": 8)"));
  EXPECT_EQ(tokenizer.vocab_size(), 9);
  EXPECT_EQ(tokenizer.description(), "character, 9 tokens");
  EXPECT_EQ(tokenizer.encode("a\né€😀a"), (std::vector<TokenId>{5, 4, 6, 7, 8, 5}));
  EXPECT_EQ(tokenizer.encode(""), std::vector<TokenId>{});
  EXPECT_EQ(tokenizer.token_bytes(8), "😀");
  EXPECT_EQ(tokenizer.token_name(6), "é");
}

TEST(CharacterTokenizer, UnknownCharactersBecomeUnk) {
  const auto tokenizer = tokenizer_of(file_with(R"(, "a": 4)"));
  EXPECT_EQ(tokenizer.encode("abé😀"), (std::vector<TokenId>{4, 1, 1, 1}));
  // e and a combining accent are two code points: nothing is normalised.
  EXPECT_EQ(tokenizer.encode("e\u0301"), (std::vector<TokenId>{1, 1}));
}

TEST(CharacterTokenizer, SpecialTokensAreNeverParsedFromText) {
  const auto tokenizer = tokenizer_of(file_with(R"(, "<": 4, ">": 5, "E": 6, "O": 7, "S": 8)"));
  EXPECT_EQ(tokenizer.encode("<EOS>"), (std::vector<TokenId>{4, 6, 7, 8, 5}));
}

TEST(CharacterTokenizer, SpecialTokensInTheOutput) {
  const auto tokenizer = tokenizer_of(file_with(R"(, "a": 4)"));
  EXPECT_EQ(tokenizer.token_bytes(0), "");
  EXPECT_EQ(tokenizer.token_bytes(1), "<UNK>");
  EXPECT_EQ(tokenizer.token_bytes(2), "");
  EXPECT_EQ(tokenizer.token_bytes(3), "");
  EXPECT_EQ(tokenizer.token_name(3), "<EOS>");
  EXPECT_TRUE(tokenizer.is_special(1));
  EXPECT_FALSE(tokenizer.is_special(4));
  EXPECT_EQ(tokenizer.unknown(), 1);
  EXPECT_EQ(tokenizer.bos(), 2);
  EXPECT_EQ(tokenizer.eos(), 3);
}

TEST(CharacterTokenizer, IdsMayComeInAnyOrderAndSpecialsAtAnyId) {
  const auto tokenizer = tokenizer_of(R"({"special_tokens": ["<EOS>"], "char_to_id": {"b": 2, "<EOS>": 1, "a": 0}})");
  EXPECT_EQ(tokenizer.eos(), 1);
  EXPECT_EQ(tokenizer.bos(), std::nullopt);
  EXPECT_EQ(tokenizer.unknown(), std::nullopt);
  EXPECT_EQ(tokenizer.encode("ab"), (std::vector<TokenId>{0, 2}));
  expect_error(ErrorCode::kInvalidArgument, {"U+20AC", "byte offset 2", "<UNK>"},
               [&] { (void)tokenizer.encode("ab€"); });
}

TEST(CharacterTokenizer, InvalidUtf8NamesTheByteOffset) {
  const auto tokenizer = tokenizer_of(file_with(R"(, "a": 4)"));
  const std::vector<std::string> invalid = {
      "\x80",              // continuation without a lead
      "\xc0\xaf",          // overlong, two bytes
      "\xe0\x9f\xbf",      // overlong, three bytes
      "\xf0\x8f\xbf\xbf",  // overlong, four bytes
      "\xed\xa0\x80",      // a surrogate
      "\xf4\x90\x80\x80",  // above U+10FFFF
      "\xf5\x80\x80\x80",  // no such lead
      "\xe2\x82",          // cut
      "\xe2\x28\xa1",      // wrong continuation
      "\xff",
  };
  for (const std::string& bytes : invalid) {
    expect_error(ErrorCode::kInvalidArgument, {"byte offset 4"}, [&] {
      (void)tokenizer.encode(
          "é"
          "aa" +
          bytes);
    });
  }
  // The ends of each range are valid.
  EXPECT_EQ(tokenizer.encode("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")
                .size(),
            8u);
  EXPECT_EQ(tokenizer.encode(std::string_view("\0", 1)), std::vector<TokenId>{1});
}

TEST(TokenizerFile, ErrorsNameKeyAndValue) {
  expect_bad_tokenizer("", {"JSON"});
  expect_bad_tokenizer("{", {"JSON"});
  expect_bad_tokenizer(R"({"char_to_id": "\ud800"})", {"JSON"});  // half of a surrogate pair
  expect_bad_tokenizer("{\"char_to_id\": \"\xff\"}", {"JSON"});
  expect_bad_tokenizer("[]", {"object"});
  expect_bad_tokenizer("{}", {"special_tokens", "missing"});
  expect_bad_tokenizer(R"({"special_tokens": {}})", {"special_tokens", "list"});
  expect_bad_tokenizer(R"({"special_tokens": [7]})", {"special_tokens", "7"});
  expect_bad_tokenizer(R"({"special_tokens": [""]})", {"special_tokens"});
  expect_bad_tokenizer(R"({"special_tokens": ["a", "a"]})", {"special_tokens", "\"a\"", "twice"});
  expect_bad_tokenizer("{" + kSpecialList + "}", {"char_to_id", "missing"});
  expect_bad_tokenizer("{" + kSpecialList + R"(, "char_to_id": []})", {"char_to_id", "object"});
  expect_bad_tokenizer("{" + kSpecialList + R"(, "char_to_id": {}})", {"char_to_id", "0 entries"});
  expect_bad_tokenizer("{" + kSpecialList + R"(, "char_to_id": {"a": 0}})", {"special_tokens", "not in char_to_id"});
  expect_bad_tokenizer(file_with(R"(, "a": 6)"), {"char_to_id[\"a\"]", "6", "[0, 5)"});
  expect_bad_tokenizer(file_with(R"(, "a": -1)"), {"char_to_id[\"a\"]", "-1"});
  expect_bad_tokenizer(file_with(R"(, "a": 4.5)"), {"char_to_id[\"a\"]", "4.5"});
  expect_bad_tokenizer(file_with(R"(, "a": "4")"), {"char_to_id[\"a\"]", "\"4\""});
  expect_bad_tokenizer(file_with(R"(, "a": 18446744073709551616)"), {"char_to_id[\"a\"]"});
  expect_bad_tokenizer(file_with(R"(, "a": 3)"), {"char_to_id", "3", "too"});
  expect_bad_tokenizer(file_with(R"(, "a": 4, "a": 5)"), {"\"a\"", "twice"});
  expect_bad_tokenizer(file_with(R"(, "ab": 4)"), {"char_to_id[\"ab\"]", "one character"});
  expect_bad_tokenizer(file_with(R"(, "": 4)"), {"char_to_id[\"\"]", "one character"});
  expect_bad_tokenizer(R"({"min_frequency": "x"})", {"min_frequency", "\"x\""});
}

TEST(TokenizerFile, DepthIsLimited) {
  expect_bad_tokenizer(std::string(100000, '['), {"nested deeper"});
  std::string objects;
  for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
  expect_bad_tokenizer(objects, {"nested deeper"});
}

TEST(TokenizerFile, BundledOne) {
  const auto tokenizer = load_tokenizer("apps/models/shakespeare/tokenizer.json");
  EXPECT_EQ(tokenizer->vocab_size(), 69);
  EXPECT_EQ(tokenizer->encode("\n Az"), (std::vector<TokenId>{4, 5, 17, 68}));
}

TEST(TokenizerFile, UnreadableFiles) {
  const test::TemporaryFolder folder;
  expect_error(ErrorCode::kNotFound, {"absent.json", "no such file"},
               [&] { (void)load_tokenizer(folder.path("absent.json")); });
  expect_error(ErrorCode::kIo, {"not a regular file"}, [&] { (void)load_tokenizer(folder.path(".")); });
}

}  // namespace
}  // namespace fllm
