// SPDX-License-Identifier: Apache-2.0
#include "host/engine/stop_matcher.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <vector>

#include "tests/support/fewer.h"

namespace fllm {
namespace {

std::shared_ptr<const ByteAutomaton> automaton(const std::vector<std::string>& stops) {
  return std::make_shared<const ByteAutomaton>(stops);
}

TEST(StopMatcher, PassesEverythingOnWithoutStops) {
  StopMatcher matcher(nullptr, false);
  std::string out;
  EXPECT_FALSE(matcher.feed("abc", true, out));
  EXPECT_EQ(out, "abc");
}

TEST(StopMatcher, HoldsBackOnlyWhatMayBecomeAStop) {
  StopMatcher matcher(automaton({"abcd", "bx"}), false);
  std::string out;
  EXPECT_FALSE(matcher.feed("zabc", true, out));
  EXPECT_EQ(out, "z");
  EXPECT_FALSE(matcher.feed("b", true, out));  // "abcb": only the last b may begin a stop
  EXPECT_EQ(out, "zabc");
  EXPECT_TRUE(matcher.feed("xyz", true, out));
  EXPECT_EQ(out, "zabc");
}

TEST(StopMatcher, TheFirstCompleteOneCountsAndTheLongestOfThose) {
  std::string out;
  EXPECT_TRUE(StopMatcher(automaton({"abcd", "bc"}), false).feed("zabcd", true, out));
  EXPECT_EQ(out, "za");
  out.clear();
  EXPECT_TRUE(StopMatcher(automaton({"c", "bc", "abc"}), false).feed("zabcd", true, out));
  EXPECT_EQ(out, "z");
}

TEST(StopMatcher, KeepsTheStopTextWhenAskedAndHoldsNothingBack) {
  StopMatcher matcher(automaton({"end"}), true);
  std::string out;
  EXPECT_FALSE(matcher.feed("the en", true, out));
  EXPECT_EQ(out, "the en");
  EXPECT_TRUE(matcher.feed("d of", true, out));
  EXPECT_EQ(out, "the end");
}

TEST(StopMatcher, AnUnacceptedStopIsText) {
  StopMatcher matcher(automaton({"ab", "bc"}), false);
  std::string out;
  EXPECT_FALSE(matcher.feed("ab", false, out));
  EXPECT_TRUE(matcher.feed("c", true, out));
  EXPECT_EQ(out, "a");
}

TEST(StopMatcher, FinishReleasesWhatIsHeld) {
  StopMatcher matcher(automaton({"abc"}), false);
  std::string out;
  EXPECT_FALSE(matcher.feed("xab", true, out));
  matcher.finish(out);
  EXPECT_EQ(out, "xab");
}

struct Cut {
  std::size_t begin;
  std::size_t end;
};

/// The definition, by trying every end and every string.
std::optional<Cut> naive(const std::string& text, const std::vector<std::string>& stops) {
  for (std::size_t end = 1; end <= text.size(); ++end) {
    std::optional<Cut> best;
    for (const std::string& stop : stops) {
      if (stop.size() > end || text.compare(end - stop.size(), stop.size(), stop) != 0) continue;
      if (!best || end - stop.size() < best->begin) best = Cut{end - stop.size(), end};
    }
    if (best) return best;
  }
  return std::nullopt;
}

/// Bytes at the end of the text that begin some stop string.
std::size_t longest_beginning(const std::string& text, const std::vector<std::string>& stops) {
  for (std::size_t length = text.size(); length > 0; --length) {
    for (const std::string& stop : stops) {
      if (length < stop.size() && text.compare(text.size() - length, length, stop, 0, length) == 0) return length;
    }
  }
  return 0;
}

TEST(StopMatcher, AgreesWithANaiveSearch) {
  std::mt19937 random(11);
  const auto word = [&random](std::size_t shortest, std::size_t longest) {
    std::string text(shortest + random() % (longest - shortest + 1), 'a');
    for (char& letter : text) letter = static_cast<char>('a' + random() % 2);
    return text;
  };
  int stopped = 0;
  for (int round = 0; round < 20000 / test::kFewer; ++round) {
    std::vector<std::string> stops(1 + random() % 4);
    for (std::string& stop : stops) stop = word(2, 7);
    const std::string text = word(0, 24);
    const bool keep = random() % 4 == 0;
    const std::optional<Cut> want = naive(text, stops);

    StopMatcher matcher(automaton(stops), keep);
    std::string out, fed;
    bool got = false;
    for (std::size_t at = 0; at < text.size() && !got;) {
      const std::size_t length = std::min<std::size_t>(1 + random() % 3, text.size() - at);
      got = matcher.feed(text.substr(at, length), true, out);
      at += length;
      fed = text.substr(0, at);
      if (!got && !keep) {
        ASSERT_EQ(out.size(), fed.size() - longest_beginning(fed, stops)) << text;
      }
    }
    ASSERT_EQ(got, want.has_value()) << text;
    if (!got) matcher.finish(out);
    ASSERT_EQ(out, want ? text.substr(0, keep ? want->end : want->begin) : text);
    stopped += got ? 1 : 0;
  }
  EXPECT_GT(stopped, 5000 / test::kFewer);
  EXPECT_LT(stopped, 19000 / test::kFewer);
}

}  // namespace
}  // namespace fllm
