// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>

#include "host/tokenizer/byte_alphabet.h"
#include "host/tokenizer/byte_level_bpe_tokenizer.h"
#include "host/tokenizer/utf8.h"
#include "tests/support/expect_error.h"
#include "tests/unit/small_vocabularies.h"

namespace fllm {
namespace {

using test::byte_level_vocabulary;
using test::expect_error;
using test::joined_bytes;
using test::random_utf8;
using Ids = std::vector<TokenId>;

std::string letters_of(std::string_view bytes) {
  std::string piece;
  for (const char byte : bytes) piece += encode_code_point(byte_to_letter(static_cast<std::uint8_t>(byte)));
  return piece;
}

/// The definition: of all neighbours that may merge, those of the lowest rank and then the leftmost, again and again.
Ids merged_by_definition(const TokenVocabulary& vocabulary, std::string_view text) {
  std::vector<std::string> parts;
  for (const char byte : text) parts.push_back(letters_of(std::string_view(&byte, 1)));
  for (bool merged = true; merged;) {
    merged = false;
    for (const auto& [left, right] : vocabulary.merges) {
      for (std::size_t i = 0; i + 1 < parts.size() && !merged; ++i) {
        if (parts[i] != left || parts[i + 1] != right) continue;
        parts[i] += right;
        parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        merged = true;
      }
      if (merged) break;
    }
  }
  Ids ids;
  for (const std::string& part : parts) {
    const auto found = std::find(vocabulary.pieces.begin(), vocabulary.pieces.end(), part);
    ids.push_back(static_cast<TokenId>(found - vocabulary.pieces.begin()));
  }
  return ids;
}

TEST(ByteAlphabet, IsGpt2s) {
  EXPECT_EQ(byte_to_letter('!'), U'!');
  EXPECT_EQ(byte_to_letter(' '), U'\u0120');
  EXPECT_EQ(byte_to_letter('\n'), U'\u010A');
  EXPECT_EQ(byte_to_letter(0), U'\u0100');
  EXPECT_EQ(byte_to_letter(0xad), U'\u0143');
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  EXPECT_EQ(spelled_bytes(letters_of(all)), all);
  EXPECT_EQ(spelled_bytes("\u0144"), std::nullopt);  // the first letter after the alphabet
  EXPECT_EQ(spelled_bytes("a b"), std::nullopt);
  EXPECT_EQ(spelled_bytes("\u00ad"), std::nullopt);
}

TEST(ByteLevelBpe, MergesByRankAndLeftmostFirst) {
  // aa, aaaa by rank: "aaaaa" is aaaa a; the pair at the left goes first.
  const ByteLevelBpeTokenizer tokenizer(byte_level_vocabulary({{"a", "a"}, {"aa", "aa"}, {"b", "c"}, {"a", "b"}}), "t");
  EXPECT_EQ(tokenizer.vocab_size(), 260);
  EXPECT_EQ(tokenizer.description(), "byte-level BPE (gpt2), 260 tokens");
  EXPECT_EQ(tokenizer.encode("aaaaa"), (Ids{257, 'a'}));
  EXPECT_EQ(tokenizer.encode("aaa"), (Ids{256, 'a'}));
  EXPECT_EQ(tokenizer.encode("abc"), (Ids{'a', 258}));  // b c ranks before a b
  EXPECT_EQ(tokenizer.encode(""), Ids{});
  EXPECT_EQ(tokenizer.encode(std::string_view("\0", 1)), Ids{0});
  EXPECT_EQ(tokenizer.token_name(' '), "\u0120");
  EXPECT_EQ(tokenizer.token_bytes(' '), " ");
  EXPECT_EQ(tokenizer.token_bytes(0xe2), "\xe2");  // part of a character
  EXPECT_EQ(tokenizer.token_bytes(257), "aaaa");
}

TEST(ByteLevelBpe, IsTheDefinitionOnRandomVocabulariesAndTexts) {
  std::mt19937 random(7);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  for (int round = 0; round < 40; ++round) {
    std::vector<std::string> pieces = {"a", "b", "c"};
    std::vector<std::pair<std::string, std::string>> merges;
    for (int i = 0; i < 12; ++i) {
      const std::string left = pieces[below(pieces.size())], right = pieces[below(pieces.size())];
      if (std::find(pieces.begin(), pieces.end(), left + right) == pieces.end()) pieces.push_back(left + right);
      if (std::find(merges.begin(), merges.end(), std::pair(left, right)) == merges.end())
        merges.emplace_back(left, right);
    }
    const TokenVocabulary vocabulary = byte_level_vocabulary(merges);
    const ByteLevelBpeTokenizer tokenizer(vocabulary, "t");
    for (int i = 0; i < 20; ++i) {
      std::string text;
      for (std::size_t size = below(30); text.size() < size;) text += "abc"[below(3)];
      EXPECT_EQ(tokenizer.encode(text), merged_by_definition(vocabulary, text)) << text;
    }
  }
}

TEST(ByteLevelBpe, TokensHoldTheBytesOfAnyText) {
  std::mt19937 random(11);
  for (const PreTokenizer kind : {PreTokenizer::kGpt2, PreTokenizer::kLlama3, PreTokenizer::kQwen2,
                                  PreTokenizer::kSmolLm, PreTokenizer::kDefault}) {
    TokenVocabulary vocabulary =
        byte_level_vocabulary({{"\u0120", "\u0120"}, {"e", "r"}, {"\u0120", "t"}, {"\u00e2", "\u0122"}});
    vocabulary.pre_tokenizer = kind;
    const ByteLevelBpeTokenizer tokenizer(std::move(vocabulary), "t");
    for (int i = 0; i < 200; ++i) {
      const std::string text = random_utf8(random, 40);
      EXPECT_EQ(joined_bytes(tokenizer, tokenizer.encode(text)), text);
      EXPECT_EQ(tokenizer.encode_with_special(text), tokenizer.encode(text));
    }
  }
}

TEST(ByteLevelBpe, LongRunsAreNotSlow) {  // quadratic work would run into ctest's time limit
  constexpr std::size_t kBytes = test::kLongBytes;
  const ByteLevelBpeTokenizer tokenizer(
      byte_level_vocabulary({{"a", "a"}, {"aa", "aa"}, {"\u0120", "\u0120"}, {"\u00f0", "\u0141"}}), "t");
  EXPECT_EQ(tokenizer.encode(std::string(kBytes, 'a')), Ids(kBytes / 4, 257));
  EXPECT_EQ(tokenizer.encode(std::string(kBytes, ' ')), Ids(kBytes / 2, 258));
  std::string emoji;
  while (emoji.size() < kBytes) emoji += "😀";  // its first two bytes merge
  const Ids ids = tokenizer.encode(emoji);
  ASSERT_EQ(ids.size(), kBytes / 4 * 3);
  EXPECT_EQ(joined_bytes(tokenizer, ids), emoji);
}

TEST(ByteLevelBpe, IgnoreMergesTakesAWholePiece) {
  TokenVocabulary vocabulary = byte_level_vocabulary({{"b", "c"}});
  vocabulary.pieces.emplace_back("\u0120abc");  // no merge makes it
  vocabulary.kinds.push_back(TokenKind::kNormal);
  const TokenId whole = 257;
  EXPECT_EQ(ByteLevelBpeTokenizer(vocabulary, "t").encode(" abc"), (Ids{' ', 'a', 256}));
  vocabulary.ignore_merges = true;
  const ByteLevelBpeTokenizer tokenizer(vocabulary, "t");
  EXPECT_EQ(tokenizer.encode(" abc"), Ids{whole});
  EXPECT_EQ(tokenizer.encode(" abc abcd"), (Ids{whole, ' ', 'a', 256, 'd'}));
}

TEST(ByteLevelBpe, BytesWithoutAToken) {
  TokenVocabulary vocabulary = byte_level_vocabulary({});
  vocabulary.pieces[4] = "<nothing>";  // no piece for byte 4 any more
  vocabulary.kinds[4] = TokenKind::kControl;
  vocabulary.unknown = 4;
  // A control token must not come from a text, so the byte is dropped, as by Hugging Face's tokenizers.
  EXPECT_EQ(ByteLevelBpeTokenizer(vocabulary, "t").encode("a\x04z"), (Ids{'a', 'z'}));
  vocabulary.kinds[4] = TokenKind::kUnknown;
  const ByteLevelBpeTokenizer tokenizer(vocabulary, "t");
  EXPECT_EQ(tokenizer.encode("a\x04z"), (Ids{'a', 4, 'z'}));
  EXPECT_EQ(tokenizer.token_bytes(4), "");
  EXPECT_TRUE(tokenizer.is_special(4));
}

TEST(ByteLevelBpe, InvalidUtf8NamesTheByteOffset) {
  const ByteLevelBpeTokenizer tokenizer(byte_level_vocabulary({}), "t");
  for (const char* bytes : {"\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xff"}) {
    const std::string text = std::string("é a") + bytes;
    expect_error(ErrorCode::kInvalidArgument, {"byte offset 4"}, [&] { (void)tokenizer.encode(text); });
    expect_error(ErrorCode::kInvalidArgument, {"byte offset 4"}, [&] { (void)tokenizer.encode_with_special(text); });
  }
}

TEST(ByteLevelBpe, TheFileMayRepeatAPairWhichThenHasTheLaterRank) {
  const ByteLevelBpeTokenizer tokenizer(byte_level_vocabulary({{"a", "b"}, {"b", "c"}, {"a", "b"}}), "t");
  EXPECT_EQ(tokenizer.encode("abc"), (Ids{'a', 257}));
}

TEST(ByteLevelBpe, WrongVocabulariesAreRefusedWithAllThatIsWrong) {
  const auto refuse = [](const TokenVocabulary& vocabulary, const std::vector<std::string>& parts) {
    expect_error(ErrorCode::kBadFormat, parts, [&] { (void)ByteLevelBpeTokenizer(vocabulary, "file.gguf"); });
  };
  refuse({}, {"file.gguf", "0 tokens"});
  TokenVocabulary vocabulary = byte_level_vocabulary({{"a", "b"}});
  vocabulary.kinds.pop_back();
  refuse(vocabulary, {"256 kinds", "257 tokens"});
  vocabulary = byte_level_vocabulary({{"a", "b"}});
  vocabulary.merges.emplace_back("x", "yz");
  refuse(vocabulary, {"merges[1]", "\"xyz\"", "\"yz\""});
  vocabulary = byte_level_vocabulary({});
  vocabulary.bos = -1;
  vocabulary.eos = 256;
  vocabulary.end_ids = {1 << 30};
  vocabulary.pieces[7] = "\xff";
  vocabulary.pieces[8] = vocabulary.pieces[9];
  vocabulary.pieces[10] = std::string(513, 'x');
  vocabulary.kinds[10] = TokenKind::kControl;
  refuse(vocabulary, {"bos: -1", "eos: 256", "end id: 1073741824", "token 7", "UTF-8", "token 9", "token 8 too",
                      "token 10", "at most 512"});
}

}  // namespace
}  // namespace fllm
