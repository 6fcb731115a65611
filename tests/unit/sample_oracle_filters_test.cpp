// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/support/oracle_filters.h"
#include "tests/support/special_floats.h"
#include "tests/unit/hand_row.h"

// The further filters of docs/sampling.md, worked out by hand.
namespace fllm::test {
namespace {

Ids forbidden(HandRow row) {
  const OracleDistribution distribution = row.distribution();
  Ids ids;
  for (std::size_t id = 0; id < row.logits.size(); ++id) {
    if (distribution.edited[id] == -kInf) ids.push_back(static_cast<std::int32_t>(id));
  }
  return ids;
}

HandRow with_history(const Ids& history) {
  HandRow row{std::vector<float>(10, 1.0f)};
  row.history = history;
  return row;
}

Ids repeats(const Ids& history, std::int32_t n, std::int32_t begin = 0) {
  HandRow row = with_history(history);
  row.filters.no_repeat_ngram = n;
  row.filters.history_begin = begin;
  return forbidden(row);
}

TEST(OracleFilters, NoRepeatNgram) {
  const Ids history = {7, 8, 9, 5, 7, 8};
  EXPECT_EQ(repeats(history, 0), Ids{});
  EXPECT_EQ(repeats(history, -1), Ids{});
  EXPECT_EQ(repeats(history, 1), (Ids{5, 7, 8, 9}));
  EXPECT_EQ(repeats(history, 2), Ids{9});
  EXPECT_EQ(repeats(history, 3), Ids{9});
  EXPECT_EQ(repeats(history, 4), Ids{}) << "5 7 8 came once";
  EXPECT_EQ(repeats(history, 3, 1), Ids{}) << "without its first token there is no 7 8 before";
  EXPECT_EQ(repeats(history, 1, 4), (Ids{7, 8}));
  EXPECT_EQ(repeats(history, 1, 99), Ids{});
  EXPECT_EQ(repeats(history, 1, -5), (Ids{5, 7, 8, 9}));
  EXPECT_EQ(repeats({3, 3}, 2), Ids{3}) << "the occurrence overlaps the end";
  EXPECT_EQ(repeats({3}, 2), Ids{});
  EXPECT_EQ(repeats({}, 1), Ids{});
  EXPECT_EQ(repeats(Ids(64, 3), 100), Ids{3}) << "read as 64";
  EXPECT_EQ(repeats({1, 1, 2, 1, 1, 4, 1, 1}, 3), (Ids{2, 4}));
  EXPECT_EQ(repeats({12, 5, 12, -1, 12}, 2), Ids{5}) << "ids outside the vocabulary match, but are no candidates";
}

TEST(OracleFilters, BadWords) {
  const auto bad = [](const Ids& history, std::vector<Ids> words, std::int32_t begin = 0) {
    HandRow row = with_history(history);
    row.words = std::move(words);
    row.filters.history_begin = begin;
    return forbidden(row);
  };
  EXPECT_EQ(bad({}, {{4}}), Ids{4});
  EXPECT_EQ(bad({1, 2}, {{}, {0}, {2, 3}, {1, 2, 4}, {1, 5}, {9, 1, 2, 6}}), (Ids{0, 3, 4}));
  EXPECT_EQ(bad({1, 2}, {{2, 3}, {1, 2, 4}}, 1), Ids{3});
  EXPECT_EQ(bad({1, 2}, {{2, 30}, {-1}}), Ids{});
  HandRow row = with_history({1, 2});
  row.words = {{2, 3}};
  row.bias = {{3, 100.0f}};
  EXPECT_EQ(forbidden(row), Ids{3}) << "a forbidden id stays forbidden";
}

HandRow dry_row(const Ids& history, float multiplier, float base, std::int32_t allowed) {
  HandRow row{std::vector<float>(10, 0.0f)};
  row.history = history;
  row.filters.dry_multiplier = multiplier;
  row.filters.dry_base = base;
  row.filters.dry_allowed_length = allowed;
  return row;
}

std::vector<float> penalties(HandRow row) {
  std::vector<float> result;
  for (const float l : row.distribution().edited) result.push_back(0 - l);
  return result;
}

std::vector<float> only(std::int32_t id, float penalty) {
  std::vector<float> result(10, 0.0f);
  result[static_cast<std::size_t>(id)] = penalty;
  return result;
}

TEST(OracleFilters, DryPenalty) {
  const Ids history = {7, 8, 9, 5, 7, 8};
  EXPECT_EQ(penalties(dry_row(history, 0.5f, 2, 1)), only(9, 1));
  EXPECT_EQ(penalties(dry_row(history, 0.5f, 3, 2)), only(9, 0.5f));
  EXPECT_EQ(penalties(dry_row(history, 0.5f, 2, 3)), only(9, 0)) << "the match is shorter than what is allowed";
  EXPECT_EQ(penalties(dry_row(history, 0.5f, 2, -4)), only(9, 1)) << "read as 1";
  EXPECT_EQ(penalties(dry_row(history, 0.5f, 0.5f, 1)), only(9, 0.5f)) << "a base below 1 is read as 1";
  EXPECT_EQ(penalties(dry_row(history, kNan, 2, 1)), only(9, 0));
  EXPECT_EQ(penalties(dry_row(history, 1, kNan, 1)), only(9, 1.75f));
  EXPECT_EQ(penalties(dry_row({}, 1, 2, 1)), only(9, 0));
  EXPECT_EQ(penalties(dry_row({4}, 1, 2, 1)), only(9, 0));
  EXPECT_EQ(penalties(dry_row({4, 4}, 1, 2, 1)), only(4, 1));
}

TEST(OracleFilters, DryTakesTheLongestMatch) {
  // 6 follows 2, 1 2 and 3 1 2; 5 follows 1 2.
  const Ids history = {2, 6, 3, 1, 2, 6, 0, 1, 2, 6, 0, 1, 2, 5, 3, 1, 2};
  std::vector<float> expected(10, 0.0f);
  expected[6] = 4;
  expected[5] = 2;
  EXPECT_EQ(penalties(dry_row(history, 1, 2, 1)), expected);
  HandRow row = dry_row(history, 1, 2, 1);
  row.filters.dry_range = 10;  // 1 2 6 0 1 2 5 3 1 2
  expected[6] = 2;
  EXPECT_EQ(penalties(row), expected);
  row.filters.dry_range = 9;  // 2 6 0 1 2 5 3 1 2
  expected[6] = 1;
  EXPECT_EQ(penalties(row), expected);
  row.filters.dry_range = 0;
  row.filters.history_begin = 8;
  EXPECT_EQ(penalties(row), expected);
}

TEST(OracleFilters, DryBreakers) {
  const Ids history = {3, 1, 2, 6, 3, 1, 2};
  const auto with_breaker = [&](std::int32_t id) {
    HandRow row = dry_row(history, 1, 2, 1);
    row.breakers = {9, id};
    return penalties(row);
  };
  EXPECT_EQ(with_breaker(8), only(6, 4));
  EXPECT_EQ(with_breaker(3), only(6, 2)) << "the match ends behind the breaker";
  EXPECT_EQ(with_breaker(1), only(6, 1));
  EXPECT_EQ(with_breaker(2), only(6, 0));
  EXPECT_EQ(with_breaker(6), only(6, 0)) << "a breaker is not lowered itself";
}

TEST(OracleFilters, DryLimits) {
  EXPECT_EQ(penalties(dry_row(Ids(200, 4), 0x1p-20f, 2, 1)), only(4, 0x1p29f)) << "a match counts 50 at most";
  EXPECT_EQ(penalties(dry_row(Ids(200, 4), 1, 1e30f, 1)), only(4, std::numeric_limits<float>::max()));
  HandRow row = dry_row(Ids(200, 4), 10, 1e30f, 1);
  row.logits[4] = kInf;
  EXPECT_EQ(row.distribution().edited[4], kInf);
  row.logits[4] = -3e38f;
  EXPECT_EQ(row.distribution().edited[4], -kInf);
}

/// Probabilities in proportion 2^-n for each n: with this temperature the scale is 1 and masses are exact.
HandRow powers(std::initializer_list<int> exponents) {
  HandRow row;
  for (const int n : exponents) row.logits.push_back(static_cast<float>(-n));
  row.sampling.temperature = 1.44269504f;
  return row;
}

Ids typical(HandRow row, float p) {
  row.filters.typical_p = p;
  return kept_ids(row.run());
}

TEST(OracleFilters, TypicalP) {
  const HandRow row = powers({1, 2, 3, 3});  // surprises 1 2 3 3, entropy 1.75
  EXPECT_EQ(typical(row, 1), (Ids{0, 1, 2, 3}));
  EXPECT_EQ(typical(row, kNan), (Ids{0, 1, 2, 3}));
  EXPECT_EQ(typical(row, 0), Ids{1});
  EXPECT_EQ(typical(row, -2), Ids{1});
  EXPECT_EQ(typical(row, 0.25f), Ids{1}) << "reached exactly";
  EXPECT_EQ(typical(row, 0x1.000002p-2f), (Ids{0, 1}));
  EXPECT_EQ(typical(row, 0.75f), (Ids{0, 1}));
  EXPECT_EQ(typical(row, 0.8f), (Ids{0, 1, 2})) << "of two equal ids below the mean the lower comes first";
  EXPECT_EQ(typical(row, 0.9f), (Ids{0, 1, 2, 3}));
}

TEST(OracleFilters, TypicalPDropsTheMostLikely) {
  // Distances 0 2 2 2 2 6 with masses 1 1/4 1/4 1/4 1/4 and 1/64: mean (2 + 6/64) / (2 + 1/64) = 1.039. The first deviates
  // by 1.039, the quarters by .961.
  const HandRow row = powers({0, 2, 2, 2, 2, 6});
  EXPECT_EQ(typical(row, 0.1f), Ids{1});
  EXPECT_EQ(typical(row, 0.4f), (Ids{1, 2, 3, 4}));
  EXPECT_EQ(typical(row, 0.5f), (Ids{0, 1, 2, 3, 4}));
  HandRow top_two = row;
  top_two.sampling.top_k = 2;  // 4/5 and 1/5: distances 0 and 2, mean .4
  EXPECT_EQ(typical(top_two, 0.1f), Ids{0}) << "typical is what is typical of the kept";
}

TEST(OracleFilters, TypicalPTies) {
  // Relative to the first: masses 1 1 1/4 1/4, distances 0 0 2 2, mean 1 / 2.5 = .4.
  HandRow row = powers({1, 1, 3, 3});
  EXPECT_EQ(typical(row, 0.1f), Ids{1}) << "above the mean what is nearer to it is the later one";
  EXPECT_EQ(typical(row, 0.41f), (Ids{0, 1}));
  EXPECT_EQ(typical(row, 0.81f), (Ids{0, 1, 2}));
  EXPECT_EQ(typical(HandRow{std::vector<float>(4, 2.0f)}, 0.5f), (Ids{0, 1})) << "the mean is at the ids themselves";
  // Masses 1, 1/4 and 1/4: mean (2/4 + 2/4) / 1.5 = 2/3, floor(2^20 * 2/3) below.
  EXPECT_EQ(typical(powers({0, 2, 2}), 0.1f), Ids{0});
  // 1 and four times 1/4 deviate alike, by 1: the more likely first.
  EXPECT_EQ(typical(powers({0, 2, 2, 2, 2}), 0.1f), Ids{0});
  EXPECT_EQ(typical(powers({0, 2, 2, 2, 2}), 0.51f), (Ids{0, 1}));
}

Ids sigma(HandRow row, float n) {
  row.filters.top_n_sigma = n;
  return kept_ids(row.run());
}

TEST(OracleFilters, TopNSigma) {
  // Distances 0 2 2 2 2 2 2 4: mean 2, variance (4 + 4) / 8 = 1.
  const HandRow row{{0, -2, -2, -2, -2, -2, -2, -4}};
  EXPECT_EQ(sigma(row, 0), (Ids{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(sigma(row, -1), (Ids{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(sigma(row, kNan), (Ids{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(sigma(row, 1e-9f), Ids{0});
  EXPECT_EQ(sigma(row, 2 - 0x1p-16f), Ids{0});
  EXPECT_EQ(sigma(row, 2), (Ids{0, 1, 2, 3, 4, 5, 6})) << "exactly at the line";
  EXPECT_EQ(sigma(row, 4 - 0x1p-16f), (Ids{0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(sigma(row, 4), (Ids{0, 1, 2, 3, 4, 5, 6, 7}));
  HandRow masked = row;
  masked.bans = {7};
  masked.sampling.bans = {0, 1};  // distances 0 2 x 6: mean 12/7, variance 24/49
  EXPECT_EQ(sigma(masked, 2.8f), Ids{0});
  EXPECT_EQ(sigma(masked, 2.9f), (Ids{0, 1, 2, 3, 4, 5, 6})) << "2 / sqrt(24/49) = 2.858";
  masked.sampling.temperature = 0.3f;
  EXPECT_EQ(sigma(masked, 2.8f), Ids{0}) << "at any temperature";
  EXPECT_EQ(sigma(HandRow{std::vector<float>(3, 2.0f)}, 1e-3f), (Ids{0, 1, 2}));
  EXPECT_EQ(sigma(HandRow{{3e38f, -3e38f}}, 1), Ids{0}) << "distances 0 and FLT_MAX, 2 sigma apart";
  EXPECT_EQ(sigma(HandRow{{0, 0x1p-110f}}, 1), Ids{1}) << "half of the distance is one sigma";
  EXPECT_EQ(sigma(HandRow{{0, 0x1p-140f}}, 1), (Ids{0, 1})) << "below 2^-120 there is no distance";
  HandRow top = row;
  top.sampling.top_k = 3;
  EXPECT_EQ(sigma(top, 2), (Ids{0, 1, 2})) << "sigma is of the row, before top-k";
}

Ids xtc(HandRow row, float probability, float threshold) {
  row.filters.xtc_probability = probability;
  row.filters.xtc_threshold = threshold;
  return kept_ids(row.run());
}

TEST(OracleFilters, Xtc) {
  const HandRow row = powers({1, 2, 3, 3});
  EXPECT_EQ(xtc(row, 1, 0.2f), (Ids{1, 2, 3}));
  EXPECT_EQ(xtc(row, 1, 0.25f), (Ids{1, 2, 3}));
  EXPECT_EQ(xtc(row, 1, 0x1.000002p-2f), (Ids{0, 1, 2, 3})) << "one alone stays";
  EXPECT_EQ(xtc(row, 1, 0.125f), Ids{3}) << "the last of two equal ids";
  EXPECT_EQ(xtc(row, 1, 0), Ids{3});
  EXPECT_EQ(xtc(row, 1, 1), (Ids{0, 1, 2, 3}));
  EXPECT_EQ(xtc(row, 0, 0), (Ids{0, 1, 2, 3}));
  EXPECT_EQ(xtc(row, kNan, 0), (Ids{0, 1, 2, 3}));
  EXPECT_EQ(xtc(row, 2, kNan), Ids{3}) << "threshold 0.1";
  EXPECT_EQ(xtc(powers({1, 1}), 1, 0.5f), Ids{1});
}

TEST(OracleFilters, XtcActsByItsOwnBits) {
  HandRow row = powers({1, 2, 3, 3});
  row.sampling.seed = 7;
  row.sampling.random = {5, 1, RandomStream::kDraft, 0};
  const std::uint64_t bits = oracle_random_bits(7, {5, 1, RandomStream::kDraft, 1});
  const float below = static_cast<float>(bits >> 40) * 0x1p-24f;  // at most the high 32 bits
  EXPECT_EQ(xtc(row, below, 0.2f).size(), 4u);
  EXPECT_EQ(xtc(row, below + 0x1p-23f, 0.2f).size(), 3u);
}

TEST(OracleFilters, Mirostat) {
  HandRow row = powers({1, 2, 3, 3});
  row.filters.mirostat_tau = 3;
  const auto kept = [&row](float mu) {
    row.mu = mu;
    return kept_ids(row.run());
  };
  EXPECT_EQ(kept(0.5f), Ids{0});
  EXPECT_EQ(kept(-kInf), Ids{0});
  EXPECT_EQ(kept(1), Ids{0});
  EXPECT_EQ(kept(1.999f), Ids{0});
  EXPECT_EQ(kept(2), (Ids{0, 1}));
  EXPECT_EQ(kept(3), (Ids{0, 1, 2, 3}));
  EXPECT_EQ(kept(kInf), (Ids{0, 1, 2, 3}));
  row.filters.mirostat_tau = 1;
  EXPECT_EQ(kept(kNan), (Ids{0, 1})) << "2 tau";
  row.filters.mirostat_tau = 0;
  EXPECT_EQ(kept(0.5f), (Ids{0, 1, 2, 3}));
  HandRow flat = powers({0, 0, 0, 0});
  flat.filters.mirostat_tau = 0.5f;
  EXPECT_EQ(kept_ids(flat.run()), Ids{0}) << "2 bits each: the first alone";
}

TEST(OracleFilters, MirostatState) {
  RowFilters filters;
  filters.mirostat_tau = 3;
  filters.mirostat_eta = 0.5f;
  EXPECT_FLOAT_EQ(oracle_next_mu(filters, 6, kFull / 2, kFull * 2), 6 - 0.5f * (2 - 3));
  EXPECT_EQ(oracle_next_mu(filters, 6, kFull, kFull), 7.5f) << "an id kept alone does not surprise";
  HandRow row = powers({1});
  row.filters = filters;
  SampleParams p = row.params();
  EXPECT_EQ(oracle_mu(p, 0), 6);
  row.mu = 4;
  EXPECT_EQ(oracle_mu(p, 0), 4);
  row.filters.slot = 1;
  EXPECT_EQ(oracle_mu(p, 0), 6) << "no such slot";
  row.filters.slot = 0;
  p.filters.sequences.mirostat_mus = nullptr;
  EXPECT_EQ(oracle_mu(p, 0), 6);
}

TEST(OracleFilters, OneAfterTheOther) {
  // typical-p of all keeps {1}, {0, 1} ... XTC then sees probabilities of the kept alone.
  HandRow row = powers({1, 2, 3, 3});
  row.filters.typical_p = 0.75f;  // {0, 1}: 2/3 and 1/3
  row.filters.xtc_probability = 1;
  row.filters.xtc_threshold = 0.33f;
  EXPECT_EQ(kept_ids(row.run()), Ids{1});
  row.filters.xtc_threshold = 0.34f;
  EXPECT_EQ(kept_ids(row.run()), (Ids{0, 1}));
  row.filters.mirostat_tau = 1;
  row.mu = 1;  // surprises .58 and 1.58
  EXPECT_EQ(kept_ids(row.run()), Ids{0});
  row.sampling.temperature = 0;
  row.filters.xtc_threshold = 0;
  EXPECT_EQ(kept_ids(row.run()), Ids{0}) << "greedy rows are not filtered";
}

TEST(OracleFilters, RowsWithoutASlot) {
  HandRow row = with_history({1, 2, 1});
  row.filters.no_repeat_ngram = 1;
  row.filters.dry_multiplier = 1;
  row.words = {{1, 5}, {6}};
  SampleParams p = row.params();
  for (const std::int32_t slot : {-1, 1}) {
    row.filters.slot = slot;
    const auto edited = oracle_distribution(LogitType::kFloat32, p, 0).edited;
    EXPECT_EQ(edited[1], 1);
    EXPECT_EQ(edited[5], 1);
    EXPECT_EQ(edited[6], -kInf) << "a word of one id needs no history";
  }
}

}  // namespace
}  // namespace fllm::test
