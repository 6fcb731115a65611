// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

#include "fundamentallm/result.h"
#include "host/constraint/constraint_source.h"
#include "tests/support/expect_error.h"
#include "tests/unit/constraint_rounds.h"
#include "tests/unit/regex_oracle.h"

namespace fllm {
namespace {

ByteDfa compiled(const ConstraintSource& source) {
  CompileBudget budget(source_name(source));
  return compile_source(source, budget);
}

ByteDfa regex(std::string pattern) { return compiled(RegexConstraint{std::move(pattern)}); }

TEST(Regex, AgreesWithAMatcherThatFollowsEveryWay) {
  std::mt19937 random(11);
  const std::u32string alphabet = U"abc\u00E9\u65E5\U0001F600\n";
  for (int round = 0; round < 1500 / test::kFewerLanguages; ++round) {
    const test::RegexTree tree = test::random_tree(random, alphabet, test::kTreeDepth);
    const std::string pattern = test::pattern_of(tree);
    const ByteDfa dfa = regex(pattern);
    for (int i = 0; i < 30; ++i) {
      std::u32string text;
      std::string bytes;
      for (unsigned length = random() % 7; length > 0; --length) {
        text += alphabet[random() % alphabet.size()];
        bytes += test::utf8_of(text.back());
      }
      ASSERT_EQ(dfa.matches(bytes), test::ends_of(tree, text, {0}).contains(text.size())) << pattern << " on " << bytes;
    }
  }
}

TEST(Regex, KnowsItsSyntax) {
  const auto expect = [](const char* pattern, std::initializer_list<const char*> yes,
                         std::initializer_list<const char*> no) {
    const ByteDfa dfa = regex(pattern);
    for (const char* text : yes) EXPECT_TRUE(dfa.matches(text)) << pattern << " on " << text;
    for (const char* text : no) EXPECT_FALSE(dfa.matches(text)) << pattern << " on " << text;
  };
  expect("\\d{2,3}", {"12", "123"}, {"1", "1234", "a1", ""});
  expect("\\w+\\s\\S\\W", {"a_9 x-", "z\n!."}, {"- x-", "a_9 xx"});
  expect("^a|b$", {"a", "b"}, {"ab", ""});
  expect("(?i)^ab$", {"ab", "aB"}, {"b", "xab"});
  expect("a|(?i)^b", {"a", "b", "B"}, {"A", ""});
  expect("(?i)stra\u00DFe \u00C4\u041F", {"STRA\u00DFE \u00E4\u043F", "strA\u00DFe \u00C4\u041F"},
         {"strasse \u00E4\u043F"});
  expect("(?i)k\\w[\u0430-\u0433]", {"K_\u0413", "\u212A\u017F\u0430"}, {"kk\u0434", "k-\u0430"});
  expect("(?i)\\W[^s]", {"-t", "\u0434t"}, {"st", "\u017Ft", "-\u017F", "-S"});
  expect("(?i)\u1E9E\u03C2[\u01C5]\U00010400", {"\u00DF\u03A3\u01C6\U00010428", "\u1E9E\u03C3\u01C4\U00010400"},
         {"ss\u03C3\u01C6\U00010428"});
  expect("[\U0001F600-\U0001F64F\u0800-\uFFFF]", {"\U0001F60A", "\u0800", "\uFFFF"}, {"\U0001F650", "\u07FF", "a"});
  expect("a(?i:b)c", {"abc", "aBc"}, {"Abc", "abC"});
  expect("(?<year>[12]\\d*?)", {"1", "2024"}, {"3", ""});
  expect("[\\u00e9\\x41\\u{1F600}\\]-]", {"\u00E9", "A", "\U0001F600", "]", "-"}, {"\\", "e"});
  expect("[^a]", {"b", "\n", "\u65E5"}, {"a", "", "\xFF", "\xC3"});
  expect(".", {"\U0010FFFF", "\u0100"}, {"\n", "\xED\xA0\x80", "\xC0\x80", "\xF4\x90\x80\x80"});
  expect("(a|)b?", {"", "a", "b", "ab"}, {"aa", "bb"});
  expect("a{3}", {"aaa"}, {"aa", "aaaa"});
  expect("", {""}, {"a"});
  expect("\\ud83d\\ude00", {"\U0001F600"}, {""});
  expect("\\p{L}\\P{L}", {"a1", "\u65E5-", "\u00E9 "}, {"1a", "aa", "11"});
  expect("[\\p{Lu}\\p{Nd}_]+", {"A7_", "\u00C9\u0663"}, {"a", "-", ""});
  expect("[^\\P{Script=Greek}x]", {"\u03B1", "\u1F00"}, {"a", "x", "\u0430"});
  expect("(?i)\\p{Lu}[\\p{Lt}]", {"a\u01C6", "A\u01C4"}, {"1\u01C6", "ab"});
  expect("\\p{Cs}|\\p{Zl}", {"\u2028"}, {"\xED\xA0\x80", "a"});
}

TEST(Regex, NamesWhatItDoesNotSupport) {
  const auto expect = [](const char* pattern, const char* position, const char* what) {
    test::expect_error(ErrorCode::kInvalidArgument, {"regex: ", position, what}, [&] { (void)regex(pattern); });
  };
  expect("a(?=b)", "position 1:", "look-around");
  expect("a(?<!b)", "position 1:", "look-around");
  expect("(a)\\1", "position 3:", "back-references");
  expect("\\bword", "position 0:", "word boundaries");
  expect("a\\p{Alphabetic}", "position 1:", "a general category");
  expect("\\p{Greek}", "position 0:", "\\p{Script=Greek}");
  expect("\\p{Script_Extensions=Greek}", "position 0:", "not supported");
  expect("\\p{Script=}", "position 0:", "not supported");
  expect("\\p{lu}", "position 0:", "not supported");
  expect("\\pL", "position 0:", "without its {");
  expect("\\P{L", "position 0:", "without its }");
  expect("[\\p{Zl}-a]", "position 1:", "a range between two characters");
  expect("a++", "position 1:", "possessive");
  expect("(?>a)", "position 0:", "not supported");
  expect("a**", "position 2:", "quantifier of a quantifier");
  expect("*a", "position 0:", "nothing before");
  expect("(a", "position 0:", "without its )");
  expect("a)", "position 1:", "without its (");
  expect("[a", "position 0:", "without its ]");
  expect("[z-a]", "position 1:", "before its beginning");
  expect("a{2,1}", "position 1:", "more than n");
  expect("a{x}", "position 2:", "missing");
  expect("a{1000000}", "position 2:", "at most 100000");
  expect("a$b", "position 1:", "allowed at the end");
  expect("(a^)", "position 2:", "allowed at the beginning");
  expect("[[:alpha:]]", "position 1:", "named classes");
  expect("\\", "position 1:", "missing");
  expect("\\q", "position 0:", "unknown escape");
  expect("\\ud800", "position 0:", "not a character");
  expect("a\xFF", "position 1:", "UTF-8");
}

TEST(Regex, EndsInALimit) {
  std::string deep(300, '(');
  deep += "a" + std::string(300, ')');
  std::string long_alternation = "a";
  for (int i = 0; i < 20000; ++i) long_alternation.append("|.*").append(std::to_string(i));
  const auto repeated = [](const std::string& part) {
    std::string text;
    while (text.size() + part.size() < 65000) text += part;
    return text;
  };
  std::string other_sets;
  for (int i = 0; i < 4000; ++i) other_sets.append("[\\p{Lu}\\u{").append(std::to_string(20000 + i)).append("}]");
  for (const std::string& pattern :
       {std::string("(a{1000}){1000}"), std::string("((a{0,1000}){0,1000}){0,1000}"), std::string("(a|b)*a(a|b){40}"),
        std::string("(.{0,900}x){0,900}"), std::string("([^a]|.|\\w){60000}"),
        std::string("(.*a.*b.*c.*d.*){25}.{12}x.{16}"), deep, long_alternation, repeated("\\p{L}"),
        "[" + repeated("\\p{L}") + "]", "(?i)[" + repeated("\\P{Lu}") + "]", repeated("(?i:\\p{L})"), other_sets}) {
    test::expect_error(ErrorCode::kInvalidArgument, {"limit"}, [&] {
      CompileBudget budget = test::budget("regex");
      (void)compile_source(RegexConstraint{pattern}, budget);
    });
  }
  // As hostile to a matcher that backtracks, and easy here.
  EXPECT_TRUE(regex("(a|a)*(a*)*").matches("aaaa"));
  EXPECT_TRUE(regex("(x+x+)+y").matches("xxxxy"));
  EXPECT_EQ(regex("(a|a)*(a*)*").state_count(), 2);
}

TEST(Regex, IsMinimalAndTheSameHoweverItIsWritten) {
  const ByteDfa one = regex("(ab|ac)*|ad{0,2}"), two = regex("(a[bc])*|a|ad|add");
  EXPECT_EQ(one.next(), two.next());
  EXPECT_EQ(one.accepting(), two.accepting());
  EXPECT_EQ(one.class_of(), two.class_of());
  EXPECT_TRUE(regex("[^\\s\\S]").is_empty());
  EXPECT_EQ(regex("[^\\s\\S]").state_count(), 1);
}

TEST(Choices, AreTakenAsTheyAre) {
  const ByteDfa dfa = compiled(ChoicesConstraint{{"a.b", "", "\u65E5", "a.b"}});
  EXPECT_TRUE(dfa.matches("a.b"));
  EXPECT_TRUE(dfa.matches(""));
  EXPECT_TRUE(dfa.matches("\u65E5"));
  EXPECT_FALSE(dfa.matches("axb"));
  test::expect_error(ErrorCode::kInvalidArgument, {"choices", "UTF-8"},
                     [] { (void)compiled(ChoicesConstraint{{"\xFF"}}); });
}

TEST(Dialogue, IsLinesOfTheSpeakersInTurn) {
  const ByteDfa dfa = compiled(DialogueConstraint{{"A.", "B"}, 3});
  EXPECT_TRUE(dfa.matches("A.: hi\nB: A.: \nA.: 1\n"));
  EXPECT_FALSE(dfa.matches("A.: hi\nB: \nA.: 1\n"));
  EXPECT_FALSE(dfa.matches("A.: hi\nA.: x\nB: 1\n"));
  EXPECT_FALSE(dfa.matches("Ax: hi\nB: x\nA.: 1\n"));
}

TEST(ByteDfa, GoesOnFromAPrefix) {
  const ByteDfa dfa = regex("(a|b)*c|ax").with_prefix("ab");
  EXPECT_TRUE(dfa.matches("abc"));
  EXPECT_TRUE(dfa.matches("ababc"));
  EXPECT_FALSE(dfa.matches("ac"));
  EXPECT_FALSE(dfa.matches("aac"));
  EXPECT_FALSE(dfa.matches("ax"));
  EXPECT_FALSE(dfa.matches("ab"));
  EXPECT_TRUE(regex("abc").with_prefix("x").is_empty());
  EXPECT_TRUE(regex("ab").with_prefix("ab").matches("ab"));
}

}  // namespace
}  // namespace fllm
