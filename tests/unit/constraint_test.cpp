// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fundamentallm/result.h"
#include "host/constraint/banned_text.h"
#include "host/constraint/constraint_cache.h"
#include "host/constraint/device_automaton.h"
#include "host/constraint/dfa_constraint.h"
#include "host/constraint/prefix.h"
#include "host/constraint/token_mask.h"
#include "tests/support/expect_error.h"
#include "tests/unit/constraint_rounds.h"

namespace fllm {
namespace {

using testing::ElementsAre;

std::vector<std::uint32_t> all_of(const TokenIndex& tokens) {
  std::vector<std::uint32_t> mask(static_cast<std::size_t>(mask_words(tokens.size())));
  allow_all(mask);
  return mask;
}

std::vector<TokenId> allowed(const PrefixConstraint& prefix, std::int32_t done) {
  const auto ids = prefix.allowed(done);
  return {ids.begin(), ids.end()};
}

TEST(Prefix, AllowsWhatAgreesAndCanBeCompleted) {
  const TokenIndex tokens({"", "a", "ab", "b", "bc", "abcd", "x"});
  const PrefixConstraint prefix("abc", tokens, all_of(tokens));
  // "ab" is a dead end: no token begins with the c that is missing then.
  EXPECT_THAT(allowed(prefix, 0), ElementsAre(1, 5));
  EXPECT_THAT(allowed(prefix, 1), ElementsAre(4));
  EXPECT_THAT(allowed(prefix, 2), ElementsAre());
  EXPECT_EQ(prefix.min_token_count(), 1);
}

TEST(Prefix, LeavesOutUnusableTokens) {
  const TokenIndex tokens({"a", "b", "ab"});
  std::vector<std::uint32_t> usable = all_of(tokens);
  forbid(usable, 2);
  const PrefixConstraint prefix("ab", tokens, usable);
  EXPECT_THAT(allowed(prefix, 0), ElementsAre(0));
  EXPECT_EQ(prefix.min_token_count(), 2);
}

TEST(Prefix, NamesOneThatCannotBeSpelled) {
  const TokenIndex tokens({"a", "b"});
  test::expect_error(ErrorCode::kInvalidArgument, {"\"abz\"", "byte 2"},
                     [&] { const PrefixConstraint prefix("abz", tokens, all_of(tokens)); });
}

/// Walks at random through what the constraint allows: every walk must spell the prefix.
TEST(Prefix, EveryWalkSpellsIt) {
  std::mt19937 random(3);
  const TokenIndex tokens({"a", "b", "aa", "ab", "ba", "aba", "bab", "bb", "c"});
  for (int round = 0; round < 2000; ++round) {
    std::string text(1 + random() % 12, 'a');
    for (char& letter : text) letter = static_cast<char>('a' + random() % 2);
    const PrefixConstraint prefix(text, tokens, all_of(tokens));
    std::string out;
    while (out.size() < text.size()) {
      const auto ids = prefix.allowed(static_cast<std::int32_t>(out.size()));
      ASSERT_FALSE(ids.empty());
      out += tokens.bytes(ids[random() % ids.size()]);
    }
    ASSERT_EQ(out.substr(0, text.size()), text);
  }
}

/// Equal to their definition at each byte: tokens that agree with the rest and behind which others can complete it.
TEST(Prefix, AllowsExactlyWhatCanCompleteIt) {
  std::mt19937 random(4);
  const auto some = [&random](std::size_t longest) {
    std::string text(1 + random() % longest, 'a');
    for (char& letter : text) letter = random() % 3 == 0 ? ' ' : 'a';
    return text;
  };
  std::int32_t allowed_count = 0, refused = 0;
  for (int round = 0; round < 500; ++round) {
    std::vector<std::string> texts(9);  // some of them twice
    for (std::string& text : texts) text = random() % 8 == 0 ? "" : some(6);
    const TokenIndex tokens(texts);
    std::vector<std::uint32_t> usable = all_of(tokens);
    for (TokenId id = 0; id < tokens.size(); ++id) {
      if (random() % 8 == 0) forbid(usable, id);
    }
    const std::string text = some(14);
    std::vector<bool> completes(text.size() + 1, false);
    completes.back() = true;
    std::vector<std::vector<TokenId>> wanted(text.size());
    for (std::size_t at = text.size(); at-- > 0;) {
      const std::string rest = text.substr(at);
      for (TokenId id = 0; id < tokens.size(); ++id) {
        const std::string token(tokens.bytes(id));
        const std::size_t both = std::min(token.size(), rest.size());
        if (both == 0 || !is_allowed(usable, id) || token.substr(0, both) != rest.substr(0, both)) continue;
        if (completes[at + both]) wanted[at].push_back(id);
      }
      completes[at] = !wanted[at].empty();
    }
    if (!completes[0]) {
      EXPECT_THROW(PrefixConstraint(text, tokens, usable), Exception);
      ++refused;
      continue;
    }
    const PrefixConstraint prefix(text, tokens, usable);
    for (std::size_t at = 0; at < text.size(); ++at) {
      ASSERT_EQ(allowed(prefix, static_cast<std::int32_t>(at)), wanted[at]) << text << " at " << at;
      allowed_count += static_cast<std::int32_t>(wanted[at].size());
    }
  }
  EXPECT_GT(allowed_count, 1000);
  EXPECT_GT(refused, 50);
}

TEST(BannedText, NeedsNoneThatContainsAnother) {
  const TokenIndex tokens({"a", "b"});
  const BannedText banned({"ab", "aabb", "ab", "xab", "ba"}, tokens);
  EXPECT_EQ(banned.automaton().state_count(), 5);  // "", "a", "ab", "b", "ba"
}

TEST(BannedText, ForbidsWholeCrossingAndContainingTokens) {
  const TokenIndex tokens({"", "a", "b", "c", "xaby", "bc"});
  const BannedText banned({"ab"}, tokens);
  std::vector<std::uint32_t> mask = all_of(tokens);
  banned.forbid_in(banned.start(), mask);
  EXPECT_TRUE(is_allowed(mask, 1));
  EXPECT_TRUE(is_allowed(mask, 2));
  EXPECT_FALSE(is_allowed(mask, 4));  // contains it
  EXPECT_TRUE(is_allowed(mask, 5));
  banned.forbid_in(banned.advance(banned.start(), "a"), mask);
  EXPECT_FALSE(is_allowed(mask, 2));  // ends it
  EXPECT_FALSE(is_allowed(mask, 5));  // ends it with its first byte
  EXPECT_TRUE(is_allowed(mask, 1));
  EXPECT_TRUE(is_allowed(mask, 0));
}

/// In every state reached by allowed tokens: forbidden exactly when the text would contain a banned one.
TEST(BannedText, ForbidsExactlyWhatWouldCompleteOne) {
  std::mt19937 random(9);
  const TokenIndex tokens({"", "a", "b", "ab", "ba", "bab", "aab", "bbb", "abba", "c", "ba"});
  int forbidden_count = 0;
  for (int round = 0; round < 3000 / test::kFewerLanguages; ++round) {
    std::vector<std::string> texts(1 + random() % 3);
    for (std::string& text : texts) {
      text.assign(1 + random() % 5, 'a');
      for (char& letter : text) letter = static_cast<char>('a' + random() % 3);
    }
    const BannedText banned(texts, tokens);
    std::string out;
    BannedText::State state = banned.start();
    for (int step = 0; step < 8; ++step) {
      std::vector<std::uint32_t> mask = all_of(tokens);
      banned.forbid_in(state, mask);
      std::vector<TokenId> open;
      for (TokenId id = 0; id < tokens.size(); ++id) {
        bool completes = false;
        for (const std::string& text : texts)
          completes |= (out + std::string(tokens.bytes(id))).find(text) != std::string::npos;
        ASSERT_EQ(is_allowed(mask, id), !completes) << out << " + " << tokens.bytes(id);
        forbidden_count += completes ? 1 : 0;
        if (!completes) open.push_back(id);
      }
      const TokenId chosen = open[random() % open.size()];  // the empty token is always open
      out += tokens.bytes(chosen);
      state = banned.advance(state, tokens.bytes(chosen));
    }
  }
  EXPECT_GT(forbidden_count, 10000 / test::kFewerLanguages);
}

/// The state behind a token's bytes, as a device walks them, and whether one of the states on the way accepts.
std::pair<std::int32_t, bool> walk(const DeviceAutomaton& automaton, std::int32_t state, std::string_view bytes) {
  bool accepts = false;
  for (const char byte : bytes) {
    state = automaton.next[static_cast<std::size_t>(state) * 256 + static_cast<unsigned char>(byte)];
    accepts = accepts || (automaton.flags[static_cast<std::size_t>(state)] & kStateAccepts) != 0;
  }
  return {state, accepts};
}

/// The only id of a mask.
std::optional<TokenId> alone_in(std::span<const std::uint32_t> mask, TokenId vocab) {
  std::vector<TokenId> ids;
  for (TokenId id = 0; id < vocab; ++id) {
    if (is_allowed(mask, id)) ids.push_back(id);
  }
  return ids.size() == 1 ? std::optional(ids[0]) : std::nullopt;
}

TEST(DeviceAutomaton, AllowsWhatPrefixAndBannedTextAllowTogether) {
  const TokenIndex tokens({"", "a", "b", "ab", "ba", "c", "aab", "bc", "cab", "dd"});
  std::vector<std::uint32_t> base = all_of(tokens);
  forbid(base, 5);
  const PrefixConstraint prefix("ddaab", tokens, base);
  const BannedText banned({"bb", "abc", "baba"}, tokens);
  DeviceAutomaton automaton(base, base.size());
  automaton.constrain(&prefix, &banned);
  EXPECT_LT(automaton.mask_count(), automaton.state_count());  // equal masks are kept once
  std::mt19937 random(5);
  int forced_count = 0, spelled_count = 0;
  for (int round = 0; round < 300; ++round) {
    std::int32_t state = automaton.mask_start, done = 0;
    BannedText::State of_banned = banned.start();
    for (int step = 0; step < 12; ++step) {
      std::vector<std::uint32_t> wanted = base;
      if (done < prefix.byte_count()) {
        forbid_all(wanted);
        for (const TokenId id : prefix.allowed(done)) allow(wanted, id);
      }
      banned.forbid_in(of_banned, wanted);
      const auto row = static_cast<std::size_t>(automaton.mask_rows[static_cast<std::size_t>(state)]);
      const auto mask = std::span(automaton.masks).subspan(row * base.size(), base.size());
      std::vector<TokenId> choices;
      for (TokenId id = 0; id < tokens.size(); ++id) {
        ASSERT_EQ(is_allowed(mask, id), is_allowed(wanted, id)) << "token " << id << ", step " << step;
        if (is_allowed(mask, id)) choices.push_back(id);
      }
      const bool is_forced = done < prefix.byte_count() && prefix.allowed(done).size() == 1 && choices.size() == 1;
      ASSERT_EQ(automaton.forced_tokens[static_cast<std::size_t>(state)], is_forced ? choices[0] : -1) << step;
      forced_count += is_forced ? 1 : 0;
      const std::optional<TokenId> spelled = done < prefix.byte_count() ? prefix.spelled(done) : std::nullopt;
      const bool is_spelled = spelled && is_allowed(wanted, *spelled);
      ASSERT_EQ(automaton.spelled_tokens[static_cast<std::size_t>(state)], is_spelled ? *spelled : -1) << step;
      spelled_count += is_spelled ? 1 : 0;
      if (choices.empty()) break;
      const TokenId id = choices[random() % choices.size()];
      state = walk(automaton, state, tokens.bytes(id)).first;
      of_banned = banned.advance(of_banned, tokens.bytes(id));
      done += static_cast<std::int32_t>(tokens.bytes(id).size());
    }
  }
  EXPECT_GT(forced_count, 10);
  EXPECT_GT(spelled_count, 10);
}

// Token by token what the host's own place in the tables says, flags included.
TEST(DeviceAutomaton, FollowsAConstraintAndBannedText) {
  // No token is "b" by itself: a state behind it alone is only passed through.
  const TokenIndex tokens({"", "a", "bc", "ab", "c", "d", "cab", "dd"});
  const std::vector<std::uint32_t> usable = all_of(tokens);
  const BannedText banned({"cc", "add", "cbc"}, tokens);
  ControlOptions control;
  control.constraint = RegexConstraint{"(a|bc|c){1,4}d*|ddd|dbcbc"};
  for (const bool can_draw_end : {true, false}) {
    std::vector<std::uint32_t> open = usable;
    if (!can_draw_end) forbid(open, 0);
    ConstraintCache cache(tokens);
    const auto tables = cache.tables(control, open, {0}, MaskRows::kAll);
    for (const BannedText* ban : {static_cast<const BannedText*>(nullptr), &banned}) {
      DeviceAutomaton automaton({}, usable.size());
      automaton.constrain(*tables, ban, can_draw_end);
      EXPECT_LT(automaton.mask_count(), automaton.state_count());
      std::mt19937 random(7);
      int must_end_count = 0, forced_count = 0, forced_end_count = 0, forbidden_count = 0, spelled_count = 0;
      for (int round = 0; round < 300; ++round) {
        DfaConstraint place(tables, tokens, 12);
        std::int32_t state = automaton.mask_start;
        BannedText::State of_banned = ByteAutomaton::kRoot;
        for (int step = 0; step < 12; ++step) {
          std::vector<std::uint32_t> wanted(usable.size());
          place.fill_mask(wanted);
          const std::vector<std::uint32_t> of_constraint = wanted;
          if (ban != nullptr) ban->forbid_in(of_banned, wanted);
          const auto at = static_cast<std::size_t>(state);
          const auto row = static_cast<std::size_t>(automaton.mask_rows[at]);
          const auto mask = std::span(automaton.masks).subspan(row * usable.size(), usable.size());
          ASSERT_TRUE(std::ranges::equal(mask, wanted)) << round << ", step " << step;
          const bool must_end = place.may_end() && !place.can_go_on();
          must_end_count += must_end ? 1 : 0;
          ASSERT_EQ(automaton.flags[at], !must_end ? 0 : can_draw_end ? kStateFreesEnds : kStateFreesEnds | kStateEnds);
          std::vector<TokenId> choices;
          for (TokenId id = 1; id < tokens.size(); ++id) {
            if (is_allowed(wanted, id)) choices.push_back(id);
          }
          const std::optional<TokenId> alone = alone_in(of_constraint, tokens.size());
          ASSERT_EQ(place.forced(), alone) << round << ", step " << step;
          const bool is_forced = alone && is_allowed(wanted, *alone);
          ASSERT_EQ(automaton.forced_tokens[at], is_forced ? *alone : -1) << round << ", step " << step;
          forced_count += is_forced && *alone > 0 ? 1 : 0;
          forced_end_count += is_forced && *alone == 0 ? 1 : 0;
          forbidden_count += alone && !is_forced ? 1 : 0;
          const std::optional<TokenId> spelled = place.spelled();
          const bool is_spelled = spelled && is_allowed(wanted, *spelled);
          ASSERT_EQ(automaton.spelled_tokens[at], is_spelled ? *spelled : -1) << round << ", step " << step;
          spelled_count += is_spelled ? 1 : 0;
          if (choices.empty()) break;
          const TokenId id = choices[random() % choices.size()];
          ASSERT_TRUE(place.advance(id));
          state = automaton.walk(state, tokens.bytes(id));
          if (ban != nullptr) of_banned = ban->advance(of_banned, tokens.bytes(id));
        }
      }
      EXPECT_GT(must_end_count, 10);
      EXPECT_GT(forced_count, 10);
      EXPECT_EQ(forced_end_count > 10, can_draw_end);
      EXPECT_EQ(forbidden_count > 0, ban != nullptr);
      EXPECT_GT(spelled_count, 10);
    }
  }
}

TEST(DeviceAutomaton, AcceptsStopStringsBehindThePrefixAlone) {
  const TokenIndex tokens({"a", "b", "ab", "bab"});
  const PrefixConstraint prefix("ab", tokens, all_of(tokens));
  const ByteAutomaton stops({"ab"});
  DeviceAutomaton automaton;
  automaton.stop_at(stops, &prefix);
  EXPECT_FALSE(walk(automaton, automaton.stop_start, "ab").second);
  EXPECT_FALSE(walk(automaton, automaton.stop_start, "abb").second);
  EXPECT_TRUE(walk(automaton, automaton.stop_start, "abab").second);
  EXPECT_TRUE(walk(automaton, automaton.stop_start, "ababb").second);  // within a token too
}

TEST(DeviceAutomaton, RefusesTablesThatAreTooLarge) {
  const ByteAutomaton stops({std::string(32768, 'x')});
  test::expect_error(ErrorCode::kUnsupported, {"stop_strings", "32769 states", "32768"}, [&] {
    DeviceAutomaton automaton;
    automaton.stop_at(stops, nullptr);
  });
  // Before their masks are worked out.
  const TokenIndex tokens({"a", "b"});
  ConstraintCache cache(tokens);
  ControlOptions control;
  control.constraint = RegexConstraint{"[ab]{40000}"};
  static_cast<void>(cache.tables(control, all_of(tokens), {}));
  test::expect_error(ErrorCode::kUnsupported, {"regex: 40002 states", "32768"},
                     [&] { static_cast<void>(cache.tables(control, all_of(tokens), {}, MaskRows::kAll)); });
}

}  // namespace
}  // namespace fllm
