// SPDX-License-Identifier: Apache-2.0
#include "tests/support/sample_oracle.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/hand_row.h"

// The oracle on rows small enough to work out by hand.
namespace fllm::test {
namespace {

RowSampling with_top_p(double p) {
  RowSampling s;
  s.top_p_on = 1;
  s.top_p = static_cast<std::uint32_t>(p * 0x1p32);
  return s;
}

TEST(SampleOracle, TopPKeepsTheCrossingToken) {
  const auto row = logs({0.1, 0.5, 0.3, 0.1});
  EXPECT_EQ(kept_ids(HandRow{row, with_top_p(0.0)}.run()), (Ids{1}));
  EXPECT_EQ(kept_ids(HandRow{row, with_top_p(0.49)}.run()), (Ids{1}));
  EXPECT_EQ(kept_ids(HandRow{row, with_top_p(0.51)}.run()), (Ids{1, 2}));
  EXPECT_EQ(kept_ids(HandRow{row, with_top_p(0.79)}.run()), (Ids{1, 2}));
  EXPECT_EQ(kept_ids(HandRow{row, with_top_p(0.81)}.run()), (Ids{0, 1, 2}))
      << "of two equal logits the lower id comes first";
  EXPECT_EQ(kept_ids(HandRow{row, with_top_p(0.95)}.run()), (Ids{0, 1, 2, 3}));
}

TEST(SampleOracle, TopPComparesExactly) {
  const std::vector<float> flat(4, 2.5f);
  EXPECT_EQ(HandRow({flat, with_top_p(0.5)}).run().kept_count, 2) << "half of the mass is reached by half of the row";
  EXPECT_EQ(HandRow({flat, with_top_p(0.5 + 0x1p-32)}).run().kept_count, 3) << "one unit more is not";
  EXPECT_EQ(HandRow({flat, with_top_p(1 - 0x1p-32)}).run().kept_count, 4);
}

TEST(SampleOracle, TopKCutsTiesById) {
  RowSampling s;
  s.top_k = 2;
  EXPECT_EQ(kept_ids(HandRow{{1, 3, 1, 1}, s}.run()), (Ids{0, 1}));
  EXPECT_EQ(kept_ids(HandRow{{-0.0f, 0.0f, 0.0f, -0.0f}, s}.run()), (Ids{0, 1})) << "the zeros are equal";
  s.top_k = 3;
  EXPECT_EQ(kept_ids(HandRow{{0, -100, 0, -100}, s}.run()), (Ids{0, 2})) << "no mass, not in the support";
  s.top_k = 4;
  EXPECT_EQ(HandRow({{1, 3, 1, 1}, s}).run().kept_count, 4);
}

TEST(SampleOracle, MinPThenTopKThenTopP) {
  RowSampling s = with_top_p(0.6);
  s.min_mass = kFull / 4;
  s.top_k = 3;
  // Relative to the first: 1, .8, .6, .4, .2. min-p drops the last, top-k the fourth; of 2.4, 1.8 are the first to reach 60 %.
  const OracleRow row = HandRow{logs({1.0, 0.8, 0.6, 0.4, 0.2}), s}.run();
  EXPECT_EQ(kept_ids(row), (Ids{0, 1}));
  EXPECT_NEAR(static_cast<double>(row.kept_mass), 1.8 * static_cast<double>(kFull), 1e-6 * static_cast<double>(kFull));
  s.min_mass = kFull;
  EXPECT_EQ(kept_ids(HandRow{{2, 2, 1.99f}, s}.run()), (Ids{0, 1})) << "min-p 1 keeps every maximum; 60 % need both";
}

TEST(SampleOracle, DrawWalksAscendingIds) {
  const std::vector<float> flat(4, 0);
  for (std::uint64_t quarter = 0; quarter < 4; ++quarter) {
    const std::uint64_t begin = quarter << 62;
    EXPECT_EQ(HandRow({flat, {}, begin}).run().token, static_cast<int>(quarter));
    EXPECT_EQ(HandRow({flat, {}, begin + (~0ull >> 2)}).run().token, static_cast<int>(quarter));
  }
  EXPECT_EQ(HandRow({{-kInf, 5, -kInf, 5, -kInf}, {}, 0}).run().token, 1);
  EXPECT_EQ(HandRow({{-kInf, 5, -kInf, 5, -kInf}, {}, ~0ull}).run().token, 3);
}

TEST(SampleOracle, UniformsAtIntervalEnds) {
  for (const std::uint64_t mass : {std::uint64_t{1}, std::uint64_t{3}, kFull, kFull * 5 + 7, std::uint64_t{1} << 60}) {
    for (const std::uint64_t r : {std::uint64_t{0}, mass / 3, mass - 1}) {
      const auto selected = [mass](std::uint64_t u) {
        return static_cast<std::uint64_t>((static_cast<unsigned __int128>(u) * mass) >> 64);
      };
      const UniformRange range = uniforms_selecting(r, mass);
      EXPECT_EQ(selected(range.first), r);
      EXPECT_EQ(selected(range.last), r);
      if (range.first > 0) {
        EXPECT_EQ(selected(range.first - 1), r - 1);
      }
      if (range.last < ~0ull) {
        EXPECT_EQ(selected(range.last + 1), r + 1);
      }
    }
  }
}

TEST(SampleOracle, EditsInOrder) {
  RowSampling s;
  s.temperature = 0;
  s.repetition_penalty = 2;
  s.frequency_penalty = 0.5f;
  s.presence_penalty = 0.25f;
  HandRow row{{4, -1, 0, 1}, s};
  row.bias = {{0, 2.0f}, {1, 2.0f}};
  row.counts = {{0, 3, 1}, {1, 0, 1}, {2, 1, 0}};
  const SampleParams p = row.params();
  const auto distribution = oracle_distribution(LogitType::kFloat32, p, 0);
  // (4 + 2) / 2 - 1.5 - 0.25; (-1 + 2) / 2, in the prompt alone; 0 - 0.5 - 0.25; untouched.
  EXPECT_EQ(distribution.edited, (std::vector<float>{1.25f, 0.5f, -0.75f, 1}));
  EXPECT_EQ(distribution.order, (Ids{0, 3, 1, 2}));
}

TEST(SampleOracle, EndIdsAreForbiddenUntilMinTokens) {
  HandRow row{{9, 1, 5}};
  row.sampling.temperature = 0;
  row.bans = {2, 0};
  row.sampling.bans = {0, 1};
  row.sampling.end_ids = {1, 2};
  row.sampling.min_tokens = 4;
  row.sampling.generated = 3;
  EXPECT_EQ(row.run().token, 1);
  row.sampling.generated = 4;
  EXPECT_EQ(row.run().token, 0);
}

TEST(SampleOracle, MaskBits) {
  HandRow row{std::vector<float>(40, 1.0f)};
  row.mask = {0, 0, 1u << 31, 1u << 7};
  row.sampling.mask_row = 0;
  SampleParams p = row.params();
  p.mask_words = 2;
  EXPECT_EQ(oracle_row(LogitType::kFloat32, p, 0).status, kSampleEmpty);
  row.sampling.mask_row = 1;
  EXPECT_EQ(kept_ids(oracle_row(LogitType::kFloat32, p, 0)), (Ids{31, 39}));
}

TEST(SampleOracle, DegenerateRows) {
  HandRow empty{{-kInf, NAN, -kInf}};
  empty.sampling.fallback_id = 2;
  empty.top_count = 1;
  OracleRow row = empty.run();
  EXPECT_EQ(row.token, 2);
  EXPECT_EQ(row.status, kSampleEmpty | kSampleNan);
  EXPECT_EQ(row.kept_count, 0);
  EXPECT_EQ(row.kept_mass, 0u);
  EXPECT_EQ(row.rank, 0);
  EXPECT_EQ(row.top[0].id, -1);
  EXPECT_EQ(row.raw_logprob, -kInf);

  HandRow infinite{{1, kInf, kInf}};
  infinite.top_count = 5;
  row = infinite.run();
  EXPECT_EQ(row.token, 1);
  EXPECT_EQ(row.status, static_cast<std::uint32_t>(kSampleInf));
  EXPECT_EQ(kept_ids(row), (Ids{1}));
  EXPECT_EQ(row.raw_logprob, 0);
  EXPECT_EQ(row.top[1].id, 2);
  EXPECT_EQ(row.top[1].raw_logprob, -kInf);
  EXPECT_EQ(row.top[2].id, 0);
  EXPECT_EQ(row.top[3].id, -1);

  infinite.bans = {1, 2};
  infinite.sampling.bans = {0, 2};
  row = infinite.run();
  EXPECT_EQ(row.token, 0);
  EXPECT_EQ(row.status, static_cast<std::uint32_t>(kSampleOk)) << "the largest edited logit is finite";
  EXPECT_EQ(row.raw_logprob, -kInf) << "the raw row is still led by an infinity";

  HandRow overflow{{3e38f, 3e38f}};
  overflow.bias = {{1, 3e38f}};
  row = overflow.run();
  EXPECT_EQ(row.token, 1);
  EXPECT_EQ(row.status, static_cast<std::uint32_t>(kSampleInf));
  EXPECT_NEAR(static_cast<double>(row.raw_logprob), -std::log(2.0), 1e-12);
}

TEST(SampleOracle, GreedyRows) {
  HandRow row{{1, 7, 7}};
  row.uniform = ~0ull;
  row.sampling.temperature = 0;
  EXPECT_EQ(row.run().token, 1);
  row.sampling.temperature = 1;
  row.sampling.top_k = 1;
  const OracleRow greedy = row.run();
  EXPECT_EQ(greedy.token, 1);
  EXPECT_EQ(greedy.kept_count, 1);
  EXPECT_EQ(greedy.kept_mass, kFull);
  EXPECT_EQ(greedy.processed_logprob, 0);
  row.sampling.top_k = 0;
  row.sampling.temperature = 1e-45f;
  EXPECT_EQ(row.run().token, 2) << "a temperature above zero draws among the maxima";
}

TEST(SampleOracle, LogProbabilities) {
  HandRow row{logs({0.5, 0.25, 0.25})};
  row.sampling.top_k = 2;
  row.top_count = 3;
  const OracleRow result = row.run();
  // 2e-7: the logits themselves are rounded to binary32, and exp2_shared is within 1.22e-7.
  EXPECT_NEAR(static_cast<double>(result.top[0].raw_logprob), std::log(0.5), 2e-7);
  EXPECT_NEAR(static_cast<double>(result.top[1].processed_logprob), std::log(1.0 / 3), 2e-7);
  EXPECT_EQ(result.top[2].processed_logprob, -kInf);
}

TEST(SampleOracle, RandomBits) {
  // Known answer of Random123 for key 0xa4093822299f31d0, counter 243f6a88 85a308d3 13198a2e 03707344.
  const RandomCounter pi{0x243f6a88u, 0x85a308d3u, static_cast<RandomStream>(0x13198a2eu), 0x03707344u};
  EXPECT_EQ(oracle_random_bits(0x299f31d0a4093822ull, pi), 0x94fdccebd16cfe09ull);
  EXPECT_EQ(oracle_random_bits(0, {}), 0xe169c58d6627e8d5ull);
}

TEST(SampleOracle, SixteenBitLogits) {
  const std::uint16_t half[] = {0x3c00, 0xc000, 0x0001, 0x7c00, 0xfc00, 0x7e00};
  EXPECT_EQ(oracle_logit(LogitType::kFloat16, half, 0), 1.0f);
  EXPECT_EQ(oracle_logit(LogitType::kFloat16, half, 1), -2.0f);
  EXPECT_EQ(oracle_logit(LogitType::kFloat16, half, 2), 0x1p-24f);
  EXPECT_EQ(oracle_logit(LogitType::kFloat16, half, 3), kInf);
  EXPECT_EQ(oracle_logit(LogitType::kFloat16, half, 4), -kInf);
  EXPECT_TRUE(std::isnan(oracle_logit(LogitType::kFloat16, half, 5)));
  const std::uint16_t brain[] = {0x3f80, 0xc000};
  EXPECT_EQ(oracle_logit(LogitType::kBFloat16, brain, 0), 1.0f);
  EXPECT_EQ(oracle_logit(LogitType::kBFloat16, brain, 1), -2.0f);
}

}  // namespace
}  // namespace fllm::test
