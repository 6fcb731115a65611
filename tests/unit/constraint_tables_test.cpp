// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "fundamentallm/result.h"
#include "host/constraint/constraint_cache.h"
#include "host/constraint/constraint_source.h"
#include "host/constraint/dfa_constraint.h"
#include "host/constraint/token_mask.h"
#include "tests/support/expect_error.h"
#include "tests/unit/constraint_rounds.h"
#include "tests/unit/regex_oracle.h"

namespace fllm {
namespace {

/// Tokens, of which the last is the end.
struct Tokens {
  explicit Tokens(std::vector<std::string> texts)
      : index([&] { return texts.emplace_back(), TokenIndex(texts); }()), cache(index) {
    usable.resize(static_cast<std::size_t>(mask_words(index.size())));
    allow_all(usable);
  }
  [[nodiscard]] TokenId end() const { return index.size() - 1; }
  std::shared_ptr<ConstraintTables> tables(ConstraintSource source, std::string prefix = "") {
    ControlOptions control;
    control.constraint = std::move(source);
    control.prefix = std::move(prefix);
    return cache.tables(control, usable, {end()});
  }

  TokenIndex index;
  ConstraintCache cache;
  std::vector<std::uint32_t> usable;
};

std::vector<TokenId> allowed(Constraint& constraint, const Tokens& tokens) {
  std::vector<std::uint32_t> mask(tokens.usable.size());
  constraint.fill_mask(mask);
  std::vector<TokenId> ids;
  for (TokenId id = 0; id < static_cast<TokenId>(mask.size() * 32); ++id) {
    if (is_allowed(mask, id)) ids.push_back(id);
  }
  return ids;
}

using Ids = std::vector<TokenId>;

TEST(ConstraintTables, AllowTokensThatCanStillBeFinished) {
  Tokens tokens({"a", "ab", "b", "", "abc", "x"});
  // No token has a c of its own, so that "ab" can only be left by what crosses it.
  DfaConstraint at(tokens.tables(RegexConstraint{"abc|ax*"}), tokens.index, 8);
  EXPECT_EQ(allowed(at, tokens), (Ids{0, 4}));
  EXPECT_FALSE(at.may_end());
  EXPECT_FALSE(at.advance(1));
  EXPECT_TRUE(at.advance(0));
  EXPECT_EQ(allowed(at, tokens), (Ids{5, 6}));
  EXPECT_TRUE(at.may_end());
  EXPECT_TRUE(at.can_go_on());
  EXPECT_FALSE(at.advance(tokens.end())) << "an end is no text";
  EXPECT_FALSE(at.advance(3)) << "neither is a token without text";
  at.rollback(1);
  EXPECT_TRUE(at.advance(4));
  EXPECT_EQ(allowed(at, tokens), (Ids{6}));
  EXPECT_FALSE(at.can_go_on());
}

TEST(ConstraintTables, LeaveOutBannedTokensAndWhatNeedsThem) {
  Tokens tokens({"a", "b", "c"});
  forbid(tokens.usable, 2);
  DfaConstraint at(tokens.tables(RegexConstraint{"ab|bc"}), tokens.index, 8);
  EXPECT_EQ(allowed(at, tokens), (Ids{0}));
  test::expect_error(ErrorCode::kInvalidArgument, {"regex", "can be written"},
                     [&] { (void)tokens.tables(RegexConstraint{"c+"}); });
  test::expect_error(ErrorCode::kInvalidArgument, {"json_schema", "no text at all"},
                     [&] { (void)tokens.tables(JsonSchemaConstraint{"false"}); });
}

TEST(ConstraintTables, StartWithAForcedPrefix) {
  Tokens tokens({"a", "b", "ab", "abb", "c"});
  DfaConstraint at(tokens.tables(RegexConstraint{"ab*c"}, "ab"), tokens.index, 8);
  EXPECT_EQ(allowed(at, tokens), (Ids{0, 2, 3}));
  EXPECT_TRUE(at.advance(3));
  EXPECT_EQ(allowed(at, tokens), (Ids{1, 4}));
  test::expect_error(ErrorCode::kInvalidArgument, {"prefix", "\"ba\"", "regex"},
                     [&] { (void)tokens.tables(RegexConstraint{"ab*c"}, "ba"); });
}

TEST(ConstraintTables, AreSharedByRequestsThatAskForTheSame) {
  Tokens tokens({"a", "b"});
  const auto first = tokens.tables(RegexConstraint{"a+"});
  EXPECT_NE(tokens.tables(RegexConstraint{"b+"}), first);
  EXPECT_EQ(tokens.tables(RegexConstraint{"a+"}), first);
  EXPECT_NE(tokens.tables(RegexConstraint{"a+"}, "a"), first);
  EXPECT_NE(tokens.tables(ChoicesConstraint{{"a"}}), first);
}

TEST(ConstraintTables, AreCompiledOnceForManyThreads) {
  Tokens tokens({"a", "b"});
  std::vector<std::vector<std::shared_ptr<ConstraintTables>>> found(12);
  std::atomic<int> refused = 0;
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < found.size(); ++thread) {
    threads.emplace_back([&, thread] {
      for (std::size_t i = 0; i < 6; ++i) {
        const std::string number = std::to_string((thread + i) % 6 * 100);
        found[thread].push_back(tokens.tables(RegexConstraint{"(ab?){" + number + "}c?"}));
        EXPECT_THROW((void)tokens.tables(RegexConstraint{"(c" + number}), Exception);
        ++refused;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(refused, 72);
  for (std::size_t thread = 0; thread < found.size(); ++thread) {
    ASSERT_EQ(found[thread].size(), 6U);
    for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(found[thread][i], found[0][(thread + i) % 6]);
  }
}

TEST(DfaConstraint, ForksGoTheirOwnWay) {
  Tokens tokens({"a", "b"});
  DfaConstraint at(tokens.tables(RegexConstraint{"a(ab|ba)"}), tokens.index, 8);
  EXPECT_TRUE(at.advance(0));
  const std::unique_ptr<Constraint> fork = at.fork();
  EXPECT_TRUE(at.advance(0));
  EXPECT_TRUE(fork->advance(1));
  EXPECT_EQ(allowed(at, tokens), (Ids{1}));
  EXPECT_EQ(allowed(*fork, tokens), (Ids{0}));
  fork->rollback(2);
  EXPECT_EQ(allowed(*fork, tokens), (Ids{0}));
  EXPECT_TRUE(fork->advance(0));
  EXPECT_TRUE(fork->advance(0));
  EXPECT_TRUE(fork->advance(1));
  EXPECT_TRUE(fork->may_end());
}

/// Which states can finish, and which tokens lead to one, by trying all of them until nothing changes.
TEST(ConstraintTables, EqualTheirDefinition) {
  std::mt19937 random(5);
  const std::u32string alphabet = U"ab\u00E9";
  for (int round = 0; round < 400 / test::kFewerLanguages; ++round) {
    std::vector<std::string> texts;
    for (unsigned i = 0; i < 1 + random() % 40; ++i) {
      std::string& text = texts.emplace_back();
      for (unsigned j = 0; j < random() % 4; ++j) text += std::string("ab\xC3\xA9")[random() % 4];
    }
    Tokens tokens(texts);
    for (TokenId id = 0; id < tokens.index.size(); ++id) {
      if (random() % 8 == 0) forbid(tokens.usable, id);
    }
    const std::string pattern = test::pattern_of(test::random_tree(random, alphabet, test::kTreeDepth));
    CompileBudget budget("regex");
    const ByteDfa dfa = compile_source(RegexConstraint{pattern}, budget);
    std::vector<bool> live(static_cast<std::size_t>(dfa.state_count()), false);
    const auto leads = [&](ByteDfa::State state, TokenId id) {
      const std::string_view bytes = tokens.index.bytes(id);
      return id != tokens.end() && !bytes.empty() && is_allowed(tokens.usable, id) &&
             live[static_cast<std::size_t>(dfa.walk(state, bytes))];
    };
    for (bool changed = true; changed;) {
      changed = false;
      for (ByteDfa::State state = 1; state < dfa.state_count(); ++state) {
        bool now = dfa.accepts(state);
        for (TokenId id = 0; id < tokens.index.size(); ++id) now = now || leads(state, id);
        changed = changed || (now && !live[static_cast<std::size_t>(state)]);
        live[static_cast<std::size_t>(state)] = now;
      }
    }
    if (dfa.is_empty() || !live[ByteDfa::kStart]) {
      EXPECT_THROW((void)tokens.tables(RegexConstraint{pattern}), Exception);
      continue;
    }
    const auto tables = tokens.tables(RegexConstraint{pattern});
    while (!tables->work_out(1000)) {
    }
    for (ByteDfa::State state = 1; state < dfa.state_count(); ++state) {
      ASSERT_EQ(tables->can_finish(state), live[static_cast<std::size_t>(state)]) << pattern;
      if (!tables->can_finish(state)) continue;
      bool goes_on = false;
      for (TokenId id = 0; id < static_cast<TokenId>(tokens.usable.size() * 32); ++id) {
        const bool is_end = id == tokens.end() && is_allowed(tokens.usable, id) && dfa.accepts(state);
        const bool is_text = id < tokens.index.size() && leads(state, id);
        ASSERT_EQ(is_allowed(tables->row(state), id), is_end || is_text)
            << pattern << " state " << state << " id " << id;
        goes_on = goes_on || is_text;
      }
      ASSERT_EQ(tables->can_go_on(state), goes_on);
    }
    // Each row once.
    const std::size_t words = tables->row_words();
    std::vector<std::vector<std::uint32_t>> rows;
    for (std::size_t at = 0; at < tables->words().size(); at += words) {
      rows.emplace_back(tables->words().begin() + static_cast<std::ptrdiff_t>(at),
                        tables->words().begin() + static_cast<std::ptrdiff_t>(at + words));
    }
    std::sort(rows.begin(), rows.end());
    ASSERT_EQ(std::adjacent_find(rows.begin(), rows.end()), rows.end());
  }
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

std::string bytes_of(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

// Most states of a repetition share the row of another, which must be the one that a walk from them alone finds.
TEST(ConstraintTables, ShareRowsOfStatesThatAreAlike) {
  std::mt19937 random(3);
  std::vector<std::string> texts = {"a", "c", "bc", "cb", "d", "abcabc"};  // nothing is "b" by itself
  for (int i = 0; i < 60; ++i) {
    std::string& text = texts.emplace_back();
    for (auto length = 1 + random() % 6; length > 0; --length) text += "abcd"[random() % (length == 1 ? 4 : 3)];
  }
  std::erase(texts, "b");
  Tokens tokens(texts);
  for (const char* pattern : {"[abc]{300}d", "(a[bc]{20}){12}", "([ab]{60}|c{55})d?", "a{40}(bc){40}", "[abc]{0,200}",
                              "([ab]c{1,9}){30}(b|d)", "((ab|ba){7}c){9}|(abc){50}d"}) {
    const auto worked = tokens.tables(RegexConstraint{pattern});
    Tokens again(texts);
    const auto alone = again.tables(RegexConstraint{pattern});
    while (!worked->work_out(100)) {
    }
    std::size_t states = 0;
    for (ByteDfa::State state = 1; state < worked->dfa().state_count(); ++state) {
      ASSERT_EQ(worked->can_finish(state), alone->can_finish(state));
      if (!worked->can_finish(state)) continue;
      ASSERT_TRUE(std::ranges::equal(worked->row(state), alone->row(state))) << pattern << " state " << state;
      ++states;
    }
    EXPECT_EQ(worked->words().size(), alone->words().size()) << pattern;
    EXPECT_LT(worked->words().size() / worked->row_words(), states / 2) << pattern;
  }
}

TEST(ConstraintTables, AreWorkedOutWithoutAWalkForEachState) {
  Tokens tokens({"a", "b", "ab", "ba", "aab", "bba", "abab", "babab"});
  const auto tables = tokens.tables(RegexConstraint{"[ab]{20000}"});
  EXPECT_FALSE(tables->work_out(1));
  EXPECT_TRUE(tables->work_out(1 << 17));                       // a walk looks at 12 nodes or more
  EXPECT_EQ(tables->words().size() / tables->row_words(), 6U);  // as many letters as are left, up to 5
}

// Each state is tried with the whole vocabulary before the one token is found that leads on.
TEST(ConstraintTables, CountTheStepsToWhatCanBeSpelled) {
  std::vector<std::string> texts = {"zz"};
  for (int i = 0; i < 20 * 20 * 20; ++i) {
    std::string& text = texts.emplace_back();
    for (int rest = i; text.size() < 3; rest /= 20) text += static_cast<char>('a' + rest % 20);
  }
  Tokens tokens(texts);
  const auto chain = [](const std::string& count) {
    return RegexConstraint{"(?:zz){0," + count + "}[a-y]*\\u{10FFFF}|(?:zz){" + count + "}"};
  };
  EXPECT_EQ(tokens.tables(chain("20"))->forced(ByteDfa::kStart), 0);
  test::expect_error(ErrorCode::kInvalidArgument, {"regex", "compilation steps, the limit"},
                     [&] { (void)tokens.tables(chain("5000")); });
}

// For beams, which need the masks of all states at once.
TEST(ConstraintTables, RefuseMasksThatTakeTooLong) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 11 * 11 * 11 * 11; ++i) {
    std::string& text = texts.emplace_back();
    for (std::size_t rest = i; text.size() < 4; rest /= 11) text += static_cast<char>('a' + rest % 11);
  }
  for (char letter = 'a'; letter <= 'k'; ++letter) texts.emplace_back(1, letter);
  texts.emplace_back(40, 'a');  // which tells states apart that the others do not
  Tokens tokens(texts);
  std::mt19937 random(5);
  std::string pattern;
  for (int i = 0; i < 12500; ++i) pattern += random() % 2 == 0 ? "[a-k]" : "[a-j]";
  ControlOptions control;
  control.constraint = RegexConstraint{pattern};
  static_cast<void>(tokens.tables(control.constraint));
  test::expect_error(
      ErrorCode::kUnsupported, {"regex: 12502 states over 14654 tokens", "a beam search needs all their masks"},
      [&] { static_cast<void>(tokens.cache.tables(control, tokens.usable, {tokens.end()}, MaskRows::kAll)); });
}

/// tests/golden/make_constraint_masks.py writes the file with llguidance and xgrammar.
TEST(ConstraintTables, EqualOtherEngines) {
  std::ifstream stream("tests/golden/constraint_masks.json");
  const nlohmann::json golden = nlohmann::json::parse(stream);
  std::vector<std::string> texts;
  for (const std::string& hex : words_of(golden["tokens"])) texts.push_back(bytes_of(hex));
  Tokens tokens(std::move(texts));
  std::map<std::string, int> compared;
  for (const auto& test : golden["cases"]) {
    DfaConstraint at(tokens.tables(RegexConstraint{test["pattern"]}), tokens.index, 16);
    for (const auto& step : test["steps"]) {
      ASSERT_TRUE(step["token"].is_null() || at.advance(step["token"].get<TokenId>())) << test;
      std::vector<std::uint32_t> mask(tokens.usable.size());
      at.fill_mask(mask);
      for (const char* engine : {"mask", "xgrammar"}) {
        if (!step.contains(engine) || step[engine].is_null()) continue;
        const std::vector<std::string> wanted = words_of(step[engine]);
        ASSERT_EQ(wanted.size(), mask.size());
        for (std::size_t i = 0; i < mask.size(); ++i) {
          ASSERT_EQ(mask[i], std::stoul(wanted[i], nullptr, 16))
              << test["pattern"] << " word " << i << " of " << step << " by " << engine;
        }
        ++compared[engine];
      }
    }
  }
  EXPECT_GT(compared["mask"], 40);
  EXPECT_GT(compared["xgrammar"], 40);
}

}  // namespace
}  // namespace fllm
