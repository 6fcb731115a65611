// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/support/beam_cases.h"
#include "tests/support/special_floats.h"

// The oracle against what needs no beam search: sums by hand, and the best of all sequences there are.
namespace fllm::test {
namespace {

std::vector<OracleHypothesis> run(const BeamCase& asked) {
  const BeamTables tables;
  OracleBeamSearch search(asked, tables);
  search.run();
  return search.result();
}

TEST(BeamOracle, LogSoftmaxIsOfIntegerMasses) {
  const std::vector<float> row = oracle_log_softmax({0, 0, -kInfinity, kNan});
  EXPECT_NEAR(row[0], std::log(0.5), 1e-6);  // of log_mass
  EXPECT_EQ(row[0], row[1]);
  EXPECT_EQ(row[2], -kInfinity);
  EXPECT_EQ(row[3], -kInfinity);
  EXPECT_EQ(oracle_log_softmax({7, -kInfinity})[0], 0);
  EXPECT_EQ(oracle_log_softmax({-kInfinity})[0], -kInfinity);
  EXPECT_EQ(oracle_log_softmax({3, kInfinity, kInfinity}), (std::vector<float>{-kInfinity, 0, -kInfinity}));
  EXPECT_EQ(oracle_log_softmax({0, -1000})[1], -1000);  // no mass, but a log-probability
}

/// The example of docs/beam_search.md.
TEST(BeamOracle, Example) {
  const std::vector<float> row{std::log(0.2f), std::log(0.5f), std::log(0.3f)};
  BeamCase asked = beam_case(step_model({row}), 3, 2, 1, 3);
  asked.norms = power_norms(3, 1);
  const BeamTables tables;
  OracleBeamSearch search(asked, tables);
  search.step();  // of 1 (.5), 2 (.3), 0 (.2, an end, but of rank 2): nothing is finished
  EXPECT_TRUE(search.result().empty());
  ASSERT_EQ(search.live().size(), 2u);
  search.step();  // 1 1 (.25), 1 2 and 2 1 (.15), 1 0 (.10, rank 3)
  EXPECT_EQ(search.live()[1].tokens, (std::vector<std::int32_t>{1, 2}));
  search.step();  // at the longest length all end
  EXPECT_TRUE(search.done());
  const auto found = search.result();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].tokens, (std::vector<std::int32_t>{1, 1, 1}));
  EXPECT_NEAR(found[0].score, std::log(0.5), 1e-6);
  EXPECT_EQ(found[1].tokens, (std::vector<std::int32_t>{1, 1, 2}));
}

/// Every sequence that ends, with its score.
struct Exhaustive {
  const BeamCase& asked;
  std::vector<OracleHypothesis> best;  // by score, then as found

  void visit(const OracleHypothesis& prefix) {
    const std::vector<float> row = oracle_log_softmax(asked.model(prefix.tokens));
    for (std::int32_t token = 0; token < asked.vocab; ++token) {
      OracleHypothesis next = prefix;
      next.cum += row[static_cast<std::size_t>(token)];
      if (next.cum == -kInfinity) continue;
      next.tokens.push_back(token);
      const bool ends = token < static_cast<std::int32_t>(asked.row.end_ids.size());
      if (!ends && next.tokens.size() < static_cast<std::size_t>(asked.rules.max_length)) {
        visit(next);
        continue;
      }
      next.score = next.cum / asked.norms[next.tokens.size()];
      best.push_back(next);
    }
  }
};

float best_of_all(const BeamCase& asked) {
  Exhaustive all{asked, {}};
  all.visit({});
  const auto less = [](const OracleHypothesis& a, const OracleHypothesis& b) { return a.score < b.score; };
  return std::max_element(all.best.begin(), all.best.end(), less)->score;
}

BeamCase small_case(std::uint64_t seed, std::int32_t vocab, std::int32_t width, std::int32_t ends, std::int32_t length,
                    double alpha) {
  TableShape shape;
  shape.vocab = vocab;
  shape.seed = seed;
  shape.order = -1;
  shape.spread = 2;
  BeamCase asked = beam_case(table_model(shape), vocab, width, ends, length);
  asked.norms = power_norms(length, alpha);
  return asked;
}

TEST(BeamOracle, AWidthForAllSequencesFindsTheBest) {
  for (const double alpha : {-1.0, 0.0, 0.7, 2.0}) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      for (const std::int32_t vocab : {2, 3, 4}) {
        const std::int32_t length = vocab == 2 ? 6 : vocab == 3 ? 4 : 3;
        const auto width = static_cast<std::int32_t>(std::pow(vocab, length));
        const BeamCase asked = small_case(seed, vocab, width, 1, length, alpha);
        EXPECT_EQ(run(asked)[0].score, best_of_all(asked)) << vocab << ' ' << alpha << ' ' << seed;
      }
    }
  }
}

TEST(BeamOracle, ExactEndsEarlyWithWhatNeverEarlyFinds) {
  std::int32_t saved = 0;
  for (const double alpha : {-1.0, 0.0, 0.5, 1.0, 2.0}) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
      for (const std::int32_t vocab : {2, 3, 5}) {
        for (const std::int32_t width : {2, 3, 6}) {
          BeamCase asked = small_case(seed, vocab, width, 1 + static_cast<std::int32_t>(seed % 2), 6, alpha);
          const BeamTables tables;
          OracleBeamSearch exact(asked, tables);
          exact.run();
          BeamCase patient = asked;
          patient.rules.stop = BeamStop::kNeverEarly;
          OracleBeamSearch full(patient, tables);
          full.run();
          saved += full.steps() - exact.steps();
          const auto a = exact.result(), b = full.result();
          ASSERT_EQ(a.size(), b.size());
          for (std::size_t i = 0; i < a.size(); ++i) {
            EXPECT_EQ(a[i].tokens, b[i].tokens);
            EXPECT_EQ(a[i].score, b[i].score);
          }
        }
      }
    }
  }
  EXPECT_GT(saved, 0);
}

TEST(BeamOracle, ProvenTokensAreNeverTakenBack) {
  Random random(3);
  std::size_t early = 0;
  for (int i = 0; i < 300; ++i) {
    const BeamCase asked = random_beam_case(random, 9, 4);
    const BeamTables tables;
    OracleBeamSearch search(asked, tables);
    std::vector<std::vector<std::int32_t>> proven;
    while (!search.done()) {
      search.step();
      proven.push_back(search.proven());
    }
    if (search.result().empty()) continue;
    const std::vector<std::int32_t> best = search.result()[0].tokens;
    for (const auto& tokens : proven) {
      ASSERT_LE(tokens.size(), best.size());
      EXPECT_TRUE(std::equal(tokens.begin(), tokens.end(), best.begin()));
    }
    if (proven.size() > 1) early += proven[proven.size() - 2].size();
  }
  EXPECT_GT(early, 0u);
}

/// A drawn search of width 1 that ends at once takes token i with its probability. 2^14 draws, four tokens: G-test, alpha
/// 1e-6, 3 degrees of freedom.
TEST(BeamOracle, DrawnTokensHaveTheirProbabilities) {
  const std::vector<double> shares{0.1, 0.2, 0.3, 0.4};
  std::vector<float> row;
  row.reserve(shares.size());
  for (const double share : shares) row.push_back(static_cast<float>(std::log(share)));
  BeamCase asked = beam_case(step_model({row}), 4, 1, 0, 1);
  asked.rules.sampled = 1;
  std::vector<int> counts(4);
  constexpr int kDraws = 1 << 14;
  for (int i = 0; i < kDraws; ++i) {
    asked.row.sampling.seed = static_cast<std::uint64_t>(i);
    ++counts[static_cast<std::size_t>(run(asked)[0].tokens[0])];
  }
  double g = 0;
  for (std::size_t i = 0; i < 4; ++i) g += 2 * counts[i] * std::log(counts[i] / (kDraws * shares[i]));
  EXPECT_LT(g, 30.66);
}

/// Without replacement: the first of two beams like a draw, the second like a draw of what is left.
TEST(BeamOracle, TwoBeamsAreDrawnWithoutReplacement) {
  const std::vector<float> row{std::log(0.5f), std::log(0.3f), std::log(0.2f)};
  BeamCase asked = beam_case(step_model({row}), 3, 2, 0, 2);
  asked.rules.sampled = 1;
  asked.rules.candidate_count = 2;
  const BeamTables tables;
  constexpr int kDraws = 1 << 13;
  int first_two = 0;
  for (int i = 0; i < kDraws; ++i) {
    asked.row.sampling.seed = 1000 + static_cast<std::uint64_t>(i);
    OracleBeamSearch search(asked, tables);
    search.step();
    const auto live = search.live();
    ASSERT_EQ(live.size(), 2u);
    first_two += live[0].tokens[0] == 0 && live[1].tokens[0] == 1 ? 1 : 0;
  }
  const double share = 0.5 * 0.3 / 0.5, deviation = std::sqrt(kDraws * share * (1 - share));
  EXPECT_NEAR(first_two, kDraws * share, 4.9 * deviation);  // alpha 1e-6
}

}  // namespace
}  // namespace fllm::test
