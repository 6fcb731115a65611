// SPDX-License-Identifier: Apache-2.0
#include "host/tokenizer/special_tokens.h"

#include <gtest/gtest.h>

#include "host/tokenizer/byte_level_bpe_tokenizer.h"
#include "host/tokenizer/sentence_piece_bpe_tokenizer.h"
#include "tests/unit/small_vocabularies.h"

namespace fllm {
namespace {

using test::add_token;
using Ids = std::vector<TokenId>;

std::string shown(const std::vector<TextPart>& parts) {
  std::string text;
  for (const TextPart& part : parts)
    text += part.id ? "[" + std::to_string(*part.id) + "]" : "(" + std::string(part.text) + ")";
  return text;
}

TEST(SpecialTokens, LeftmostThenLongest) {
  SpecialTokens tokens;
  tokens.add("<a>", 1, true);
  tokens.add("<a><b>", 2, true);
  tokens.add("b><", 3, false);
  const std::vector<TextRange> all = {{0, 100}};
  EXPECT_EQ(shown(tokens.split("x<a><b>y", all)), "(x)[2](y)");
  EXPECT_EQ(shown(tokens.split("<a><a><b", all)), "[1][1](<b)");
  EXPECT_EQ(shown(tokens.split("<a><c>", all)), "[1](<c>)");
  EXPECT_EQ(shown(tokens.split("<b><a>", all)), "(<)[3](a>)");
  EXPECT_EQ(shown(tokens.split("<a>b><", {})), "(<a>)[3]");
  EXPECT_EQ(shown(tokens.split("", all)), "");
  EXPECT_EQ(shown(SpecialTokens().split("<a>", all)), "(<a>)");
}

TEST(SpecialTokens, ControlTokensLieWithinOneRange) {
  SpecialTokens tokens;
  tokens.add("<a>", 1, true);
  tokens.add("<a>b", 2, true);
  tokens.add("user", 3, false);
  EXPECT_EQ(shown(tokens.split("<a>b<a>b", {{0, 3}, {4, 8}})), "[1](b)[2]");
  EXPECT_EQ(shown(tokens.split("<a><a>", {{3, 6}})), "(<a>)[1]");
  EXPECT_EQ(shown(tokens.split("<a>", {{0, 2}, {2, 3}})), "(<a>)");  // half from a template, half from elsewhere
  EXPECT_EQ(shown(tokens.split("user", {{0, 2}})), "[3]");
}

TokenVocabulary with_specials() {
  TokenVocabulary vocabulary = test::byte_level_vocabulary({{"a", "b"}});
  add_token(vocabulary, "<|end|>", TokenKind::kControl);      // 257
  add_token(vocabulary, "<think>", TokenKind::kUserDefined);  // 258
  add_token(vocabulary, "<|end|>\n", TokenKind::kControl);    // 259
  vocabulary.scores.clear();
  vocabulary.eos = 257;
  vocabulary.end_ids = {259, 257};
  return vocabulary;
}

TEST(SpecialTokens, OfByteLevelBpe) {
  const ByteLevelBpeTokenizer tokenizer(with_specials(), "t");
  EXPECT_EQ(tokenizer.encode_with_special("ab<|end|>a<think>b"), (Ids{256, 257, 'a', 258, 'b'}));
  EXPECT_EQ(tokenizer.encode_with_special("a<|end|>\nb"), (Ids{'a', 259, 'b'}));
  EXPECT_EQ(tokenizer.encode("a<think>"), (Ids{'a', 258}));
  EXPECT_EQ(tokenizer.encode("<|end|>").size(), 7u);
  EXPECT_EQ(tokenizer.token_bytes(257), "");
  EXPECT_EQ(tokenizer.token_name(257), "<|end|>");
  EXPECT_EQ(tokenizer.token_bytes(258), "<think>");
  EXPECT_FALSE(tokenizer.is_special(258));
  EXPECT_EQ(tokenizer.end_ids(), (Ids{257, 259}));
}

TEST(SpecialTokens, SegmentsAreOneTextButOnlyTemplatesNameControlTokens) {
  const ByteLevelBpeTokenizer tokenizer(with_specials(), "t");
  // a of the template and b of the user merge; the user's <|end|> is text.
  EXPECT_EQ(tokenizer.encode_segments({{"<|end|>a", true}, {"b<|end|>", false}, {"<|end|>", true}}),
            (Ids{257, 256, '<', '|', 'e', 'n', 'd', '|', '>', 257}));
  EXPECT_EQ(tokenizer.encode_segments({{"<|en", true}, {"d|>", true}}).size(), 7u);
  EXPECT_EQ(tokenizer.encode_segments({}), Ids{});
}

TEST(SpecialTokens, SentencePieceBeginsAgainWithASpaceAfterOne) {
  TokenVocabulary vocabulary;
  vocabulary.algorithm = TokenAlgorithm::kSentencePieceBpe;
  vocabulary.add_space_prefix = true;
  add_token(vocabulary, "<s>", TokenKind::kControl);
  add_token(vocabulary, "▁a", TokenKind::kNormal, -1);
  add_token(vocabulary, "a", TokenKind::kNormal, -2);
  add_token(vocabulary, "▁", TokenKind::kNormal, -3);
  add_token(vocabulary, "▁u▁", TokenKind::kUserDefined);
  const SentencePieceBpeTokenizer tokenizer(vocabulary, "t");
  EXPECT_EQ(tokenizer.encode_with_special("a<s>a<s><s> a"), (Ids{1, 0, 1, 0, 0, 3, 1}));
  EXPECT_EQ(tokenizer.encode("▁u▁a"), (Ids{4, 1}));  // found as the text is written, not after spaces are replaced
  EXPECT_EQ(tokenizer.token_bytes(4), "▁u▁");
}

}  // namespace
}  // namespace fllm
