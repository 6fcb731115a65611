// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "host/tokenizer/pre_tokenizer.h"
#include "tests/unit/small_vocabularies.h"

namespace fllm {
namespace {

std::vector<std::string> pieces_of(PreTokenizer kind, const std::string& text) {
  const PreTokenSplitter splitter(kind);
  std::vector<std::string> pieces;
  for (const std::string_view piece : splitter.split(text)) pieces.emplace_back(piece);
  return pieces;
}

using Pieces = std::vector<std::string>;

/// tests/golden/make_pre_token_vectors.py writes the file with Hugging Face's tokenizers.
TEST(PreTokenizer, CutsAsTheModelsOwnExpressions) {
  std::ifstream stream("tests/golden/pre_token_vectors.json");
  const nlohmann::json cases = nlohmann::json::parse(stream);
  ASSERT_EQ(cases.size(), 68u);
  for (const nlohmann::json& entry : cases) {
    const std::string kind = entry["kind"];
    const auto expected = entry["pieces"].get<Pieces>();
    std::string text;
    for (const std::string& piece : expected) text += piece;
    EXPECT_EQ(pieces_of(kind == "llama3" ? PreTokenizer::kLlama3 : PreTokenizer::kQwen2, text), expected) << kind;
  }
}

TEST(PreTokenizer, Gpt2) {
  EXPECT_EQ(pieces_of(PreTokenizer::kGpt2, "I'm 123  x\n\n y!?"),
            (Pieces{"I", "'m", " 123", " ", " x", "\n\n", " y", "!?"}));
  EXPECT_EQ(pieces_of(PreTokenizer::kGpt2, "we'LL"), (Pieces{"we", "'", "LL"}));
  EXPECT_EQ(pieces_of(PreTokenizer::kGpt2, "a\u180e"), (Pieces{"a", "\u180e"}));  // no white space since Unicode 6.3
  EXPECT_EQ(pieces_of(PreTokenizer::kGpt2, "   "), Pieces{"   "});
  EXPECT_EQ(pieces_of(PreTokenizer::kGpt2, ""), Pieces{});
}

TEST(PreTokenizer, SmolLmCutsEveryDigitOutFirst) {
  EXPECT_EQ(pieces_of(PreTokenizer::kSmolLm, "in 1999, x12"),
            (Pieces{"in", " ", "1", "9", "9", "9", ",", " x", "1", "2"}));
  // Two spaces before a digit end a text of their own, so they stay together.
  EXPECT_EQ(pieces_of(PreTokenizer::kSmolLm, "a  1  b"), (Pieces{"a", "  ", "1", " ", " b"}));
  EXPECT_EQ(pieces_of(PreTokenizer::kSmolLm, "½²Ⅷ"), (Pieces{"½", "²", "Ⅷ"}));
}

TEST(PreTokenizer, DefaultCutsPunctuationOutFirst) {
  EXPECT_EQ(pieces_of(PreTokenizer::kDefault, "I'm 12345, x^2 …\n\n `y`"),
            (Pieces{"I", "'", "m", " ", "123", "45", ",", " x", "^", "2", " ", "…", "\n\n", " `", "y", "`"}));
  // Spaces before punctuation end a text of their own, so they stay together; digits that are not ASCII's too.
  EXPECT_EQ(pieces_of(PreTokenizer::kDefault, "a  .  1"), (Pieces{"a", "  ", ".", " ", " ", "1"}));
  EXPECT_EQ(pieces_of(PreTokenizer::kDefault, "12½3456½"), (Pieces{"12½", "345", "6½"}));
}

TEST(PreTokenizer, PiecesJoinedAreTheText) {
  std::mt19937 random(1);
  for (const PreTokenizer kind : {PreTokenizer::kGpt2, PreTokenizer::kLlama3, PreTokenizer::kQwen2,
                                  PreTokenizer::kSmolLm, PreTokenizer::kDefault}) {
    const PreTokenSplitter splitter(kind);
    for (int i = 0; i < 300; ++i) {
      const std::string text = test::random_utf8(random, 30);
      std::string joined;
      for (const std::string_view piece : splitter.split(text)) {
        EXPECT_FALSE(piece.empty());
        joined += piece;
      }
      EXPECT_EQ(joined, text);
    }
  }
}

TEST(PreTokenizer, LongRunsAreCutInLinearTime) {  // a limit of the matcher would throw, quadratic work would time out
  for (const PreTokenizer kind : {PreTokenizer::kGpt2, PreTokenizer::kLlama3, PreTokenizer::kQwen2,
                                  PreTokenizer::kSmolLm, PreTokenizer::kDefault}) {
    const PreTokenSplitter splitter(kind);
    for (const char* repeated : {"a", " ", "😀", "\n", "\t ", "7", "\u00a0", "'s", "a ", "\x01", " \n"}) {
      std::string text;
      while (text.size() < test::kLongBytes / 4) text += repeated;
      for (const char* last : {"", "x", "1"}) {
        text += last;
        std::size_t bytes = 0;
        for (const std::string_view piece : splitter.split(text)) bytes += piece.size();
        EXPECT_EQ(bytes, text.size());
      }
    }
  }
}

}  // namespace
}  // namespace fllm
