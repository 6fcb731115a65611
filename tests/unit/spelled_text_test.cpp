// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "fundamentallm/result.h"
#include "host/constraint/constraint_cache.h"
#include "host/constraint/dfa_constraint.h"
#include "host/constraint/prefix.h"
#include "host/constraint/token_mask.h"

// How text that is known is guessed to be spelled.
namespace fllm {
namespace {

/// Id 0 is the end, behind it are texts.
struct Spellings {
  explicit Spellings(std::vector<std::string> texts)
      : index([&] { return texts.insert(texts.begin(), ""), TokenIndex(texts); }()), cache(index) {
    usable.resize(static_cast<std::size_t>(mask_words(index.size())));
    for (TokenId id = 0; id < index.size(); ++id) allow(usable, id);
  }
  std::shared_ptr<ConstraintTables> tables(ConstraintSource source) {
    ControlOptions control;
    control.constraint = std::move(source);
    return cache.tables(control, usable, {0});
  }
  /// What is guessed one behind the other, from behind `said` on.
  std::string guesses(ConstraintSource source, const std::string& said = "") {
    const auto found = tables(std::move(source));
    std::string all;
    for (ByteDfa::State state = found->dfa().walk(ByteDfa::kStart, said);;) {
      const std::optional<TokenId> id = found->spelled(state);
      if (!id) return all;
      all += "|" + std::string(index.bytes(*id));
      state = found->dfa().walk(state, index.bytes(*id));
    }
  }

  TokenIndex index;
  ConstraintCache cache;
  std::vector<std::uint32_t> usable;
};

std::vector<std::string> letters_and(std::vector<std::string> more) {
  for (char c = ' '; c < '\x7f'; ++c) more.emplace_back(1, c);
  more.emplace_back("\n");
  return more;
}

TEST(SpelledText, IsJsonAsMostOfItIsLaidOut) {
  Spellings tokens(letters_and({"{\"", "name", "na", "\":", " \"", "age", "\",", ": ", "\"}", "}\n"}));
  const JsonSchemaConstraint person{R"({"type": "object", "properties": {"name": {"type": "string"},
    "age": {"type": "integer"}, "of": {"type": "array", "items": {"const": 7}, "minItems": 2, "maxItems": 2}},
    "required": ["name", "age", "of"], "additionalProperties": false})"};
  EXPECT_EQ(tokens.guesses(person), "|{\"|name|\":| \"");
  EXPECT_EQ(tokens.guesses(person, "{\n"), "|\"|name|\":| \"");
  EXPECT_EQ(tokens.guesses(person, "{\"name\": \"x"), "");
  EXPECT_EQ(tokens.guesses(person, "{\"name\": \"x\""), "|,| \"|age|\":| ");
  EXPECT_EQ(tokens.guesses(person, "{\"name\": \"x\","), "| \"|age|\":| ");
  EXPECT_EQ(tokens.guesses(person, "{\"name\": \"x\",\n"), "|\"|age|\":| ");
  EXPECT_EQ(tokens.guesses(person, "{\"name\": \"x\", \"age\": 3, \"o"), "|f|\":| |[|7|,| |7|]|}");  // then it is whole
}

TEST(SpelledText, IsNotGuessedWhereItIsNotKnown) {
  Spellings tokens(letters_and({"ab", "abc", "bc", "red", "re"}));
  EXPECT_EQ(tokens.guesses(RegexConstraint{"abd?"}), "|ab");  // it may end behind that
  EXPECT_EQ(tokens.guesses(RegexConstraint{"(ab|cd)e"}), "");
  EXPECT_EQ(tokens.guesses(RegexConstraint{"x{3}"}), "|x|x|x");
  EXPECT_EQ(tokens.guesses(RegexConstraint{"\\n? ?x"}), "|x");
  EXPECT_EQ(tokens.guesses(RegexConstraint{"[ \\n]x"}), "");
  EXPECT_EQ(tokens.guesses(RegexConstraint{"[a-b],[ \\n]?[a-b]"}, "a,"), "| ");
  EXPECT_EQ(tokens.guesses(RegexConstraint{"[,a]( ?x| ?y)"}, ","), "");  // other bytes lead there too
}

TEST(SpelledText, IsNotSplitWhereTokensMostlyGoOn) {
  Spellings tokens(letters_and({"re", "red", "ree"}));
  EXPECT_EQ(tokens.guesses(ChoicesConstraint{{"red", "reed"}}), "");
  EXPECT_EQ(tokens.guesses(ChoicesConstraint{{"red", "rex", "rey"}}), "|re");
  EXPECT_EQ(tokens.guesses(ChoicesConstraint{{"red", "rex"}}), "");  // half of them
  Spellings bytes({"r", "\xc3", "\xa9", "\xa8", "r\xc3", "r\xc3\xa9", "r\xc3\xa8"});
  EXPECT_EQ(bytes.guesses(ChoicesConstraint{{"r\xc3\xa9", "r\xc3\xa8"}}), "|r\xc3");  // of ASCII nothing may follow
}

TEST(SpelledText, HasTokensThatMayBeDrawn) {
  Spellings tokens({"a", "b", "ab", "abc", "c", "abc"});
  EXPECT_EQ(tokens.tables(RegexConstraint{"abc"})->spelled(ByteDfa::kStart), 4);  // the first of two
  forbid(tokens.usable, 4);
  EXPECT_EQ(tokens.tables(RegexConstraint{"abc"})->spelled(ByteDfa::kStart), 6);
  forbid(tokens.usable, 6);
  EXPECT_EQ(tokens.tables(RegexConstraint{"abc"})->spelled(ByteDfa::kStart), 3);
  Spellings crossing({"a", "b", "ab", "bc"});  // behind "ab" nothing can be finished
  EXPECT_EQ(crossing.tables(RegexConstraint{"abc"})->spelled(ByteDfa::kStart), 1);
}

TEST(SpelledText, OfAPrefixEndsWhereTokensMostlyDo) {
  const auto spelled = [](const std::string& prefix, const std::vector<std::string>& texts) {
    const TokenIndex tokens(texts);
    std::vector<std::uint32_t> usable(static_cast<std::size_t>(mask_words(tokens.size())));
    allow_all(usable);
    const PrefixConstraint constraint(prefix, tokens, usable);
    std::string all;
    for (std::int32_t at = 0; at < constraint.byte_count(); ++at) {
      const std::optional<TokenId> id = constraint.spelled(at);
      all += "|" + (id ? texts[static_cast<std::size_t>(*id)] : "-");
    }
    return all;
  };
  EXPECT_EQ(spelled("abab", {"a", "b", "ab", "aba", "bx"}), "|aba|b|ab|b");
  EXPECT_EQ(spelled("ab", {"a", "b", "a"}), "|a|b");
  std::vector<std::string> texts = {"a", "b"};
  for (char c = ' '; texts.size() < 2 + 63; ++c) texts.push_back({'b', c, 'x'});
  EXPECT_EQ(spelled("ab", texts), "|a|b");
  texts.emplace_back("b\x01");
  EXPECT_EQ(spelled("ab", texts), "|a|-");
}

/// By the definition, over all tokens and bytes.
std::optional<TokenId> plainly_spelled(const ConstraintTables& tables, const Spellings& tokens, ByteDfa::State from) {
  const ByteDfa& dfa = tables.dfa();
  const auto bytes_in = [&](ByteDfa::State state) {
    std::string found;
    for (int byte = 0; byte < 256; ++byte) {
      if (dfa.next(state, static_cast<char>(byte)) != ByteDfa::kDead) found += static_cast<char>(byte);
    }
    return found;
  };
  const auto separated = [&](ByteDfa::State to) {
    std::set<char> leading;
    for (ByteDfa::State state = ByteDfa::kStart; state < dfa.state_count(); ++state) {
      for (const char byte : bytes_in(state)) {
        if (dfa.next(state, byte) == to) leading.insert(byte);
      }
    }
    return !leading.empty() && std::ranges::all_of(leading, [](char c) { return c == ':' || c == ','; });
  };
  std::string path;
  ByteDfa::State state = from;
  while (path.size() < 40 && !dfa.accepts(state)) {
    const std::string open = bytes_in(state);
    std::string solid = open;
    std::erase_if(solid, [](char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; });
    std::optional<char> likely;
    if (separated(state) && open.find(' ') != std::string::npos) {
      likely = ' ';
    } else if (solid.size() == 1) {
      likely = solid[0];
    } else if (open.size() == 1) {
      likely = open[0];
    }
    if (!likely) break;
    path += *likely;
    state = dfa.next(state, *likely);
  }
  std::optional<TokenId> longest;
  std::set<char> longer;
  for (TokenId id = 1; id < tokens.index.size(); ++id) {
    const std::string text(tokens.index.bytes(id));
    if (text.size() > path.size() && text.starts_with(path)) longer.insert(text[path.size()]);
    const bool fits = path.starts_with(text) && tables.can_finish(dfa.walk(from, text));
    if (fits && (!longest || text.size() > tokens.index.bytes(*longest).size())) longest = id;
  }
  const std::string behind = bytes_in(state);
  const auto ascii = std::ranges::count_if(behind, [](char c) { return c >= 0; });
  const auto in_longer = std::ranges::count_if(behind, [&](char c) { return c >= 0 && longer.count(c) > 0; });
  return 2 * in_longer < ascii || ascii == 0 ? longest : std::nullopt;
}

TEST(SpelledText, IsThatOfTheDefinition) {
  std::mt19937 random(11);
  int spelled = 0, unknown = 0;
  for (int round = 0; round < 60; ++round) {
    std::vector<std::string> texts;
    for (int i = 0; i < 40; ++i) {
      std::string& text = texts.emplace_back();
      for (auto length = 1 + random() % 4; length > 0; --length) text += "ab:, \n"[random() % 6];
    }
    for (const char c : {'a', 'b', ':', ',', ' ', '\n'}) {
      if (random() % 8 != 0) texts.emplace_back(1, c);
    }
    Spellings tokens(texts);
    for (const char* pattern :
         {"(ab[ \\n]?:[ \\n]?(a|bb)[ \\n]?,)*ab", "(a,( |\\n)?b:( ?a)?){1,3}", "ab(ab|:, ?)*", "a[ab]b:\\n?,"}) {
      std::shared_ptr<ConstraintTables> tables;
      try {
        tables = tokens.tables(RegexConstraint{pattern});
      } catch (const Exception&) {
        continue;  // it cannot be spelled
      }
      for (ByteDfa::State state = ByteDfa::kStart; state < tables->dfa().state_count(); ++state) {
        if (!tables->can_finish(state)) continue;
        const std::optional<TokenId> wanted = plainly_spelled(*tables, tokens, state);
        ASSERT_EQ(tables->spelled(state), wanted) << pattern << ", state " << state << ", round " << round;
        ++(wanted ? spelled : unknown);
      }
    }
  }
  EXPECT_GT(spelled, 300);
  EXPECT_GT(unknown, 300);
}

}  // namespace
}  // namespace fllm
