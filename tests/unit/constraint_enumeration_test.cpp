// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fundamentallm/result.h"
#include "host/constraint/constraint_cache.h"
#include "host/constraint/dfa_constraint.h"
#include "host/constraint/token_mask.h"
#include "tests/unit/constraint_rounds.h"
#include "tests/unit/regex_oracle.h"
#include "tests/unit/schema_oracle.h"

// Tiny vocabularies, all texts of a few pieces: what the masks let through is exactly what the source means.
namespace fllm {
namespace {

using Texts = std::set<std::string>;

/// All texts of at most so many pieces that belong; none that begins with a `last` one has more.
Texts all_texts(const std::vector<std::string>& pieces, int most,
                const std::function<bool(const std::string&)>& belongs, const std::vector<std::string>& last = {}) {
  Texts found;
  const std::function<void(const std::string&, int)> extend = [&](const std::string& text, int left) {
    if (belongs(text)) found.insert(text);
    if (left == 0 || std::find(last.begin(), last.end(), text) != last.end()) return;
    for (const std::string& piece : pieces) extend(text + piece, left - 1);
  };
  extend("", most);
  return found;
}

/// All texts of so many pieces that the masks let end, by any tokens, pieces or longer; none of the ways there is a dead end.
Texts allowed_texts(const ConstraintSource& source, std::vector<std::string> tokens, int most) {
  tokens.emplace_back();  // the end
  const TokenIndex index(tokens);
  ConstraintCache cache(index);
  ControlOptions control;
  control.constraint = source;
  std::vector<std::uint32_t> usable(static_cast<std::size_t>(mask_words(index.size())));
  for (TokenId id = 0; id < index.size(); ++id) allow(usable, id);
  const TokenId end = index.size() - 1;
  Texts found;
  DfaConstraint at(cache.tables(control, usable, {end}), index, most);
  std::vector<std::uint32_t> mask(usable.size());
  const std::function<void(const std::string&, int)> extend = [&](const std::string& text, int left) {
    at.fill_mask(mask);
    EXPECT_EQ(is_allowed(mask, end), at.may_end()) << text;
    EXPECT_TRUE(at.may_end() || at.can_go_on()) << "a dead end: " << text;
    if (at.may_end()) found.insert(text);
    if (left == 0) return;
    for (TokenId id = 0; id < end; ++id) {
      if (!at.advance(id)) continue;
      extend(text + std::string(index.bytes(id)), left - 1);
      at.rollback(1);
    }
  };
  extend("", most);
  return found;
}

TEST(Enumeration, RegularExpressionsAndChoices) {
  std::mt19937 random(3);
  const std::vector<std::string> letters{"a", "b", "\u00E9"};
  int compared = 0;
  for (int round = 0; round < 120 / test::kFewerLanguages; ++round) {
    const test::RegexTree tree = test::random_tree(random, U"ab\u00E9", test::kTreeDepth);
    const auto matches = [&](const std::string& text) {
      std::u32string characters;
      for (std::size_t i = 0; i < text.size(); ++i) {
        const bool accent = text[i] == '\xC3';
        characters += accent ? U'\u00E9' : static_cast<char32_t>(text[i]);
        i += accent ? 1 : 0;
      }
      return test::ends_of(tree, characters, {0}).contains(characters.size());
    };
    const Texts wanted = all_texts(letters, 4, matches);
    try {
      ASSERT_EQ(allowed_texts(RegexConstraint{test::pattern_of(tree)}, letters, 4), wanted) << test::pattern_of(tree);
    } catch (const Exception&) {  // no text, or none with these letters
      ASSERT_TRUE(wanted.empty()) << test::pattern_of(tree);
      continue;
    }
    ++compared;
    // Longer tokens spell the same texts, and no others.
    std::vector<std::string> tokens = letters;
    tokens.insert(tokens.end(), {"ab", "ba", "bab", "\u00E9\u00E9", "\xA9", "a\xC3"});
    const Texts more = allowed_texts(RegexConstraint{test::pattern_of(tree)}, tokens, 3);
    for (const std::string& text : more) ASSERT_TRUE(matches(text)) << test::pattern_of(tree) << ": " << text;
    for (const std::string& text : all_texts(letters, 3, matches)) ASSERT_TRUE(more.contains(text)) << text;
  }
  EXPECT_GT(compared, 60 / test::kFewerLanguages);
  const Texts choices{"", "a", "ab", "abb", "ba"};
  EXPECT_EQ(allowed_texts(ChoicesConstraint{{choices.begin(), choices.end()}}, letters, 4), choices);
}

TEST(Enumeration, Dialogues) {
  const std::vector<std::string> pieces{"A: ", "B: ", "x", "\n", ":"};
  const auto belongs = [](const std::string& text) {  // "A: line\nB: line\n", lines of one character or more
    if (text.size() < 5 || !text.starts_with("A: ") || text[3] == '\n' || text.back() != '\n') return false;
    const std::size_t first_end = text.find('\n');
    const std::string second = text.substr(first_end + 1);
    return second.size() >= 5 && second.starts_with("B: ") && second[3] != '\n' &&
           second.find('\n') == second.size() - 1;
  };
  const Texts wanted = all_texts(pieces, 7, belongs);
  EXPECT_GT(wanted.size(), 100u);
  EXPECT_EQ(allowed_texts(DialogueConstraint{{"A", "B"}, 2}, pieces, 7), wanted);
}

/// Blanks where docs/constraints.md has them.
bool has_allowed_blanks(std::string_view text) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ') return false;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') in_string = !in_string;
    if (text[i] != ' ' || in_string) continue;
    const char before = text[i - 1], behind = text[i + 1];
    const bool next_to_mark = std::string_view("[{,:").find(before) != std::string_view::npos ||
                              std::string_view("]},:").find(behind) != std::string_view::npos;
    const bool in_empty =
        before == ' ' && (behind == ']' || behind == '}') && (text[i - 2] == '[' || text[i - 2] == '{');
    if (before == ' ' ? !in_empty : behind != ' ' && !next_to_mark) return false;
    if (behind == ' ' && before != '[' && before != '{') return false;
  }
  return true;
}

TEST(Enumeration, AnyJson) {
  const std::vector<std::string> pieces{"[", "]", "{", "}", ",", ":", "\"a\"", "-", "1", " ", "null"};
  const int most = test::kFewerLanguages == 1 ? 4 : 3;
  const auto belongs = [](const std::string& text) {
    return has_allowed_blanks(text) && !test::Json::parse(text, nullptr, false).is_discarded();
  };
  const Texts wanted = all_texts(pieces, most, belongs);
  EXPECT_GT(wanted.size(), 5u);
  EXPECT_EQ(allowed_texts(JsonConstraint{}, pieces, most), wanted);
}

TEST(Enumeration, JsonSchemas) {
  const std::vector<std::string> pieces{"{", "}", "\"a\":", "\"b\":", ",\"a\":", ",\"b\":", "1", "null"};
  const int most = test::kFewerLanguages == 1 ? 6 : 4;
  for (
      const char* text :
      {R"({"type":"object","properties":{"a":{"type":["integer","null"]},"b":{"const":1}},"required":["a"]})",
       R"({"type":"object","properties":{"b":{"type":"integer","maximum":1},"a":{"enum":[null,1]}},"minProperties":1})",
       R"({"anyOf":[{"type":"null"},{"type":"object","properties":{"a":{"$ref":"#"},"b":{"type":"integer"}}}]})",
       R"({"oneOf":[{"type":"null"},{"type":"object","properties":{"b":{"const":null}},"maxProperties":0}]})"}) {
    test::Json schema = test::Json::parse(text);
    const std::function<void(test::Json&)> close = [&](test::Json& part) {
      if (part.contains("properties")) part["additionalProperties"] = false;
      for (auto& inner : part) {
        if (inner.is_structured()) close(inner);
      }
    };
    close(schema);
    const bool turned = schema.contains("properties") && schema["properties"].begin().key() == "b";
    const auto belongs = [&](const std::string& candidate) {
      const test::Json value = test::Json::parse(candidate, nullptr, false);
      if (value.is_discarded() || value.dump() != candidate || !test::is_valid(value, schema, schema)) return false;
      const std::function<bool(const test::Json&)> in_order = [&](const test::Json& part) {
        if (!part.is_object()) return true;
        if (part.size() == 2 && part.begin().key() != (turned ? "b" : "a")) return false;
        return std::all_of(part.begin(), part.end(), in_order);
      };
      return in_order(value);
    };
    const Texts wanted = all_texts(pieces, most, belongs, {"}", "\"a\":", "\"b\":", ",\"a\":", ",\"b\":", "1", "null"});
    EXPECT_GT(wanted.size(), 1u) << text;
    EXPECT_EQ(allowed_texts(JsonSchemaConstraint{schema.dump()}, pieces, most), wanted) << text;
  }
}

}  // namespace
}  // namespace fllm
