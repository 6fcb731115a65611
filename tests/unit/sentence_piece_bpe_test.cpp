// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>

#include "host/tokenizer/sentence_piece_bpe_tokenizer.h"
#include "host/util/read_file.h"
#include "tests/support/expect_error.h"
#include "tests/unit/small_vocabularies.h"

namespace fllm {
namespace {

using test::add_token;
using test::expect_error;
using test::joined_bytes;
using test::random_utf8;
using Ids = std::vector<TokenId>;

constexpr TokenId kUnk = 0, kBos = 1, kEos = 2, kFirstByte = 3, kFirstPiece = 259;

/// <unk>, <s>, </s>, the bytes where they are wanted, then the pieces with falling scores.
TokenVocabulary vocabulary_of(const std::vector<std::string>& pieces, bool bytes = true, bool prefix = true) {
  TokenVocabulary vocabulary;
  vocabulary.algorithm = TokenAlgorithm::kSentencePieceBpe;
  vocabulary.add_space_prefix = prefix;
  vocabulary.unknown = kUnk;
  vocabulary.bos = kBos;
  vocabulary.eos = kEos;
  add_token(vocabulary, "<unk>", TokenKind::kUnknown);
  add_token(vocabulary, "<s>", TokenKind::kControl);
  add_token(vocabulary, "</s>", TokenKind::kControl);
  for (int byte = 0; bytes && byte < 256; ++byte)
    add_token(vocabulary, fmt::format("<0x{:02X}>", byte), TokenKind::kByte);
  float score = 0;
  for (const std::string& piece : pieces) add_token(vocabulary, piece, TokenKind::kNormal, score -= 1);
  return vocabulary;
}

/// The definition (llama2.c's encode): of all neighbours that together are a piece, those with the best score and then
/// the leftmost, again and again; what is no piece by then is bytes.
Ids merged_by_definition(const TokenVocabulary& vocabulary, std::string text) {
  for (std::size_t at = 0; (at = text.find(' ', at)) != std::string::npos;) text.replace(at, 1, "▁");
  text = "▁" + text;
  const auto find = [&](const std::string& piece) -> TokenId {
    for (std::size_t id = 0; id < vocabulary.pieces.size(); ++id) {
      if (vocabulary.kinds[id] == TokenKind::kNormal && vocabulary.pieces[id] == piece) return static_cast<TokenId>(id);
    }
    return -1;
  };
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = decode_code_point(text, at)->bytes;
    parts.push_back(text.substr(at, bytes));
    at += bytes;
  }
  while (true) {
    float best = -std::numeric_limits<float>::infinity();
    std::size_t where = parts.size();
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      const TokenId id = find(parts[i] + parts[i + 1]);
      if (id < 0 || vocabulary.scores[static_cast<std::size_t>(id)] <= best) continue;
      best = vocabulary.scores[static_cast<std::size_t>(id)];
      where = i;
    }
    if (where == parts.size()) break;
    parts[where] += parts[where + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(where) + 1);
  }
  Ids ids;
  for (const std::string& part : parts) {
    if (const TokenId id = find(part); id >= 0) {
      ids.push_back(id);
    } else {
      for (const char byte : part) ids.push_back(kFirstByte + static_cast<unsigned char>(byte));
    }
  }
  return ids;
}

TEST(SentencePieceBpe, BestScoreFirstThenLeftmost) {
  const SentencePieceBpeTokenizer tokenizer(vocabulary_of({"bc", "ab", "▁ab", "▁", "a", "b", "c", "aa"}), "t");
  EXPECT_EQ(tokenizer.description(), "SentencePiece BPE, 267 tokens");
  const auto id = [](int n) { return kFirstPiece + n; };
  EXPECT_EQ(tokenizer.encode("ab"), Ids{id(2)});
  EXPECT_EQ(tokenizer.encode("abc"), (Ids{id(3), id(4), id(0)}));  // bc has the better score
  EXPECT_EQ(tokenizer.encode("aaa"), (Ids{id(3), id(7), id(4)}));  // the left pair
  EXPECT_EQ(tokenizer.encode(" ab"), (Ids{id(3), id(2)}));         // the prefix is put before any text
  EXPECT_EQ(tokenizer.encode(""), Ids{});
  EXPECT_EQ(tokenizer.encode(" "), (Ids{id(3), id(3)}));
  EXPECT_EQ(tokenizer.encode(std::string_view("\0", 1)), (Ids{id(3), kFirstByte}));
  EXPECT_EQ(tokenizer.encode("é"), (Ids{id(3), kFirstByte + 0xc3, kFirstByte + 0xa9}));
  EXPECT_EQ(tokenizer.token_bytes(id(2)), " ab");
  EXPECT_EQ(tokenizer.token_name(id(2)), "▁ab");
  EXPECT_EQ(tokenizer.token_bytes(kFirstByte + 0xc3), "\xc3");
  EXPECT_EQ(tokenizer.token_bytes(kBos), "");
  EXPECT_TRUE(tokenizer.is_special(kUnk));
  EXPECT_FALSE(tokenizer.is_special(kFirstByte));
  EXPECT_EQ(SentencePieceBpeTokenizer(vocabulary_of({"ab", "▁ab"}, true, false), "t").encode("ab"), Ids{kFirstPiece});
}

TEST(SentencePieceBpe, EqualScoresOfBothSignsGoLeftmostFirst) {
  TokenVocabulary vocabulary = vocabulary_of({"x", "ab", "bc", "cd"}, true, false);
  vocabulary.scores[kFirstPiece + 1] = 0.0f;
  vocabulary.scores[kFirstPiece + 2] = -0.0f;
  vocabulary.scores[kFirstPiece + 3] = 2.0f;
  const SentencePieceBpeTokenizer tokenizer(vocabulary, "t");
  EXPECT_EQ(tokenizer.encode("abc"), (Ids{kFirstPiece + 1, kFirstByte + 'c'}));
  EXPECT_EQ(tokenizer.encode("bcd"), (Ids{kFirstByte + 'b', kFirstPiece + 3}));
}

TEST(SentencePieceBpe, IsTheDefinitionOnRandomVocabulariesAndTexts) {
  std::mt19937 random(3);
  for (int round = 0; round < 30; ++round) {
    std::vector<std::string> pieces = {"a", "▁", "é"};  // b is no piece by itself, but may be within one
    for (int i = 0; i < 14; ++i) {
      const std::vector<std::string> from = {"a", "b", "é", "▁", pieces[random() % pieces.size()]};
      const std::string piece = from[random() % 5] + from[random() % 5];
      if (std::find(pieces.begin(), pieces.end(), piece) == pieces.end()) pieces.push_back(piece);
    }
    TokenVocabulary vocabulary = vocabulary_of(pieces);
    for (std::size_t i = kFirstPiece; i < vocabulary.scores.size(); ++i) {
      vocabulary.scores[i] = static_cast<float>(random() % 6) - 3;
    }
    const SentencePieceBpeTokenizer tokenizer(vocabulary, "t");
    for (int i = 0; i < 15; ++i) {
      std::string text;
      for (unsigned size = 1 + random() % 20; size > 0; --size)
        text += std::vector<std::string>{"a", "b", "é", " "}[random() % 4];
      EXPECT_EQ(tokenizer.encode(text), merged_by_definition(vocabulary, text)) << text;
    }
  }
}

TEST(SentencePieceBpe, TokensHoldTheBytesOfAnyTextAfterThePrefix) {
  std::mt19937 random(5);
  const SentencePieceBpeTokenizer tokenizer(vocabulary_of({"▁▁", "▁a", "a", "▁", "😀"}), "t");
  for (int i = 0; i < 300; ++i) {
    const std::string text = random_utf8(random, 40);
    EXPECT_EQ(joined_bytes(tokenizer, tokenizer.encode(text)), text.empty() ? "" : " " + text);
  }
}

TEST(SentencePieceBpe, LongRunsAreNotSlow) {
  constexpr std::size_t kBytes = test::kLongBytes;
  const SentencePieceBpeTokenizer tokenizer(vocabulary_of({"aa", "aaaa", "▁▁", "a", "▁"}, true, false), "t");
  EXPECT_EQ(tokenizer.encode(std::string(kBytes, 'a')), Ids(kBytes / 4, kFirstPiece + 1));
  EXPECT_EQ(tokenizer.encode(std::string(kBytes, ' ')), Ids(kBytes / 2, kFirstPiece + 2));
  std::string emoji;
  while (emoji.size() < kBytes) emoji += "😀";
  EXPECT_EQ(tokenizer.encode(emoji).size(), kBytes);
}

TEST(SentencePieceBpe, UnknownCharacters) {
  TokenVocabulary vocabulary = vocabulary_of({"a", "▁"}, false, false);
  // A run of them is one unknown token, as SentencePiece has it.
  EXPECT_EQ(SentencePieceBpeTokenizer(vocabulary, "t").encode("aéé😀aé"), (Ids{3, kUnk, 3, kUnk}));
  add_token(vocabulary, "<0xC3>", TokenKind::kByte);
  add_token(vocabulary, "<0xa9>", TokenKind::kByte);
  EXPECT_EQ(SentencePieceBpeTokenizer(vocabulary, "t").encode("éêé"), (Ids{5, 6, kUnk, 5, 6}));
  vocabulary.unknown.reset();
  expect_error(ErrorCode::kInvalidArgument, {"\"ê\"", "unknown"},
               [&] { (void)SentencePieceBpeTokenizer(vocabulary, "t").encode("aê"); });
}

TEST(SentencePieceBpe, MergesInsteadOfScores) {
  TokenVocabulary vocabulary = vocabulary_of({"▁", "a", "b", "ab", "bb", "▁a"});
  vocabulary.scores.clear();
  vocabulary.merges = {{"b", "b"}, {"▁", "a"}};  // none makes ab
  const SentencePieceBpeTokenizer tokenizer(vocabulary, "t");
  EXPECT_EQ(tokenizer.encode("abb"), (Ids{kFirstPiece + 5, kFirstPiece + 4}));
  EXPECT_EQ(tokenizer.encode("bab"), (Ids{kFirstPiece, kFirstPiece + 2, kFirstPiece + 1, kFirstPiece + 2}));
}

TEST(SentencePieceBpe, WrongVocabulariesAreRefused) {
  const auto refuse = [](const TokenVocabulary& vocabulary, const std::vector<std::string>& parts) {
    expect_error(ErrorCode::kBadFormat, parts, [&] { (void)SentencePieceBpeTokenizer(vocabulary, "tok.bin"); });
  };
  TokenVocabulary vocabulary = vocabulary_of({"a"});
  vocabulary.scores.pop_back();
  refuse(vocabulary, {"tok.bin", "259 scores", "260 tokens"});
  vocabulary = vocabulary_of({"a"});
  vocabulary.scores.back() = std::numeric_limits<float>::quiet_NaN();
  add_token(vocabulary, "<0xG0>", TokenKind::kByte);
  add_token(vocabulary, "<0x0a>", TokenKind::kByte);
  refuse(vocabulary, {"token 259", "not a number", "<0xG0>", "like <0x0A>", "<0x0a>", "the byte of token 13 too"});
}

/// llama2.c's tokenizer.bin: int32 longest piece, then of each piece float32 score, int32 size, bytes.
TEST(SentencePieceBpe, Stories260kIsTheDefinition) {
  const char* data = std::getenv("FLLM_TEST_DATA");
  if (data == nullptr) GTEST_SKIP() << "FLLM_TEST_DATA names no folder with stories260K/tok512.bin";
  const std::string file = read_file(std::string(data) + "/stories260K/tok512.bin", 1 << 20);
  TokenVocabulary vocabulary = vocabulary_of({});
  std::size_t index = 0;
  for (std::size_t at = 4; at + 8 <= file.size(); ++index) {
    float score = 0;
    std::int32_t size = 0;
    std::memcpy(&score, &file[at], 4);
    std::memcpy(&size, &file[at + 4], 4);
    std::string piece = file.substr(at + 8, static_cast<std::size_t>(size));
    at += 8 + static_cast<std::size_t>(size);
    if (index < static_cast<std::size_t>(kFirstPiece)) continue;
    for (std::size_t space = 0; (space = piece.find(' ')) != std::string::npos;) piece.replace(space, 1, "▁");
    add_token(vocabulary, piece, TokenKind::kNormal, score);
  }
  ASSERT_EQ(index, 512u);
  const SentencePieceBpeTokenizer tokenizer(vocabulary, "tok512.bin");
  const std::string text =
      "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a "
      "big, red ball.";
  EXPECT_EQ(tokenizer.encode(text), merged_by_definition(vocabulary, text));
  EXPECT_EQ(joined_bytes(tokenizer, tokenizer.encode(text)), " " + text);
  EXPECT_LT(tokenizer.encode(text).size(), text.size() / 2);
}

}  // namespace
}  // namespace fllm
