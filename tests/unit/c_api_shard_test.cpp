// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <random>

#include "fundamentallm/sampler.h"
#include "tests/support/c_sampler.h"

namespace fllm::test {
namespace {

using testing::Each;

constexpr std::int32_t kShardVocab = 200, kRows = 6, kList = 10, kExchanges = 10;
constexpr std::array<std::int32_t, 4> kFirst = {0, 64, 96, kShardVocab};  // of three slices
constexpr std::int32_t kRanks = 3;

/// Rows of all kinds, and what they share on every rank.
struct Batch {
  Batch() {
    std::mt19937 random(5);
    logits.resize(std::size_t{kRows} * kShardVocab);
    for (float& l : logits) l = static_cast<float>(random() % 2048) / 256.0f;
  }
  [[nodiscard]] fllm_sample_args args(std::int32_t first, std::int32_t end) {
    fllm_sample_args a{};
    a.struct_size = sizeof a;
    a.logits = logits.data() + first;
    a.logits_stride = kShardVocab;
    a.rows = kRows;
    a.vocab = end - first;
    a.temperature = temperature.data();
    a.top_k = top_k.data();
    a.top_p = top_p.data();
    a.seed = seed.data();
    a.ban_ids = bans.data();
    a.ban_offsets = ban_offsets.data();
    return a;
  }

  std::vector<float> logits;
  std::vector<float> temperature{0, 1, 1, 1, 1.5f, 1}, top_p{1, 1, 0.9f, 1, 0.8f, 0.7f};
  std::vector<std::int32_t> top_k{0, 0, 0, kList, kList + 5, 0};
  std::vector<std::uint64_t> seed{1, 2, 3, 4, 5, 6};
  std::vector<std::int32_t> bans{0, 70, 199, -1, 500}, ban_offsets{0, 5, 5, 5, 5, 5, 5};
};

struct Drawn {
  std::vector<std::int32_t> tokens = std::vector<std::int32_t>(kRows, -1);
  std::vector<std::uint32_t> status = std::vector<std::uint32_t>(kRows, 99);
};

Drawn draw_whole(fllm_sampler* sampler, Batch& batch) {
  Drawn drawn;
  fllm_sample_args args = batch.args(0, kShardVocab);
  args.tokens = drawn.tokens.data();
  args.status = drawn.status.data();
  const std::vector<std::byte> workspace = give_workspace(sampler, args);
  EXPECT_EQ(fllm_sample(sampler, &args, nullptr), FLLM_OK) << fllm_last_error();
  return drawn;
}

/// One step of one rank.
using Step = std::function<void(const fllm_sample_args&, const fllm_shard_args&)>;

/// What each rank draws, its words added up here.
std::array<Drawn, kRanks> draw_in_slices(fllm_sampler* sampler, Batch& batch, std::int32_t exchanges,
                                         const Step& step) {
  const std::size_t words = kRows * fllm_shard_words(kRanks, kList);
  std::array<Drawn, kRanks> drawn;
  std::array<std::vector<std::uint64_t>, kRanks> own;
  std::array<std::vector<std::byte>, kRanks> states;
  for (std::int32_t s = 0; s <= exchanges; ++s) {
    for (std::size_t rank = 0; rank < kRanks; ++rank) {
      if (s == 0) {
        own[rank].assign(words, 0x1234);
        states[rank].resize(std::size_t{kRows} * FLLM_SHARD_STATE_BYTES);
      }
      fllm_sample_args args = batch.args(kFirst[rank], kFirst[rank + 1]);
      args.tokens = drawn[rank].tokens.data();
      args.status = drawn[rank].status.data();
      const std::vector<std::byte> workspace = give_workspace(sampler, args);
      fllm_shard_args shard{};
      shard.struct_size = sizeof shard;
      shard.words = own[rank].data();
      shard.states = states[rank].data();
      shard.vocab = kShardVocab;
      shard.first_id = kFirst[rank];
      shard.rank = static_cast<std::int32_t>(rank);
      shard.ranks = kRanks;
      shard.list_size = kList;
      shard.step = s;
      shard.last = s == exchanges ? 1 : 0;
      step(args, shard);
    }
    std::vector<std::uint64_t> sum(words);
    for (const auto& part : own) std::transform(sum.begin(), sum.end(), part.begin(), sum.begin(), std::plus<>());
    own.fill(sum);
  }
  return drawn;
}

TEST(CApiShard, EveryRankDrawsTheWholeRowsTokens) {
  const CSampler sampler = make_cpu();
  Batch batch;
  const Drawn whole = draw_whole(sampler.get(), batch);
  const auto ranks = draw_in_slices(sampler.get(), batch, kExchanges, [&](const auto& args, const auto& shard) {
    ASSERT_EQ(fllm_sample_shard(sampler.get(), &args, &shard, nullptr), FLLM_OK) << fllm_last_error();
  });
  for (const Drawn& rank : ranks) {
    EXPECT_EQ(rank.tokens, whole.tokens);
    EXPECT_EQ(rank.status, whole.status);
  }
}

TEST(CApiShard, SaysWhichRowsAreUndecided) {
  const CSampler sampler = make_cpu();
  Batch batch;
  const auto ranks = draw_in_slices(sampler.get(), batch, 1, [&](const auto& args, const auto& shard) {
    ASSERT_EQ(fllm_sample_shard(sampler.get(), &args, &shard, nullptr), FLLM_OK) << fllm_last_error();
  });
  constexpr std::uint32_t kNot = FLLM_ROW_UNDECIDED;
  for (const Drawn& rank : ranks) EXPECT_THAT(rank.status, testing::ElementsAre(0, kNot, kNot, 0, kNot, kNot));
}

TEST(CApiShard, CountsWords) {
  EXPECT_EQ(fllm_shard_words(1, 0), 2048u);
  EXPECT_EQ(fllm_shard_words(8, 64), 2048u);
  EXPECT_EQ(fllm_shard_words(64, 8), 2048u);
  EXPECT_EQ(fllm_shard_words(0, 0), 0u);
  EXPECT_EQ(fllm_shard_words(65, 0), 0u);
  EXPECT_EQ(fllm_shard_words(8, 65), 0u);
  EXPECT_EQ(fllm_shard_words(1, 257), 0u);
  EXPECT_EQ(fllm_shard_words(1, -1), 0u);
}

TEST(CApiShard, ListsEveryViolation) {
  const CSampler sampler = make_cpu();
  Batch batch;
  Drawn drawn;
  std::vector<fllm_sample_detail> details(kRows);
  const std::vector<std::uint32_t> mask(std::size_t{kRows} * 2);
  fllm_sample_args args = batch.args(64, 128);
  args.tokens = drawn.tokens.data();
  args.details = details.data();
  const std::vector<fllm_row_filters> filters(kRows, FLLM_NO_ROW_FILTERS);
  args.filters = filters.data();
  args.allow_mask = mask.data();
  args.mask_words = 2;
  const std::vector<std::byte> workspace = give_workspace(sampler.get(), args);
  fllm_shard_args shard{};
  shard.struct_size = sizeof shard;
  shard.vocab = 100;
  shard.first_id = 65;
  shard.rank = 4;
  shard.ranks = 4;
  shard.list_size = 129;
  shard.last = 1;
  shard.reserved = 1;
  expect_refused(fllm_sample_shard(sampler.get(), &args, &shard, nullptr),
                 "rank: 4: must be in [0, ranks)\n"
                 "first_id: 65: must be a multiple of 32, and the slice within the shard's vocab\n"
                 "list_size: 129: must be in [0, min(256, 512 / ranks)]\n"
                 "step: 0: must be at least 0, and 1 for the last one\n"
                 "shard reserved: 1: must be 0\n"
                 "words: NULL: must be given\n"
                 "states: NULL: must be given\n"
                 "mask_words: 2: must be at least ceil(shard vocab / 32)\n"
                 "details, top, probabilities: given: must be NULL for fllm_sample_shard\n"
                 "filters: given: must be NULL for fllm_sample_shard");
  EXPECT_THAT(drawn.tokens, Each(-1));
  EXPECT_EQ(fllm_sample_shard(sampler.get(), &args, nullptr, nullptr), FLLM_INVALID_ARGUMENT);
  EXPECT_STREQ(fllm_last_error(), "fllm_shard_args: NULL: must be given");
}

TEST(CApiShard, TheSamplerClassPassesEverythingOn) {
  Sampler sampler = Sampler::create({.threads = 1}).value();
  Batch batch;
  const Drawn whole = draw_whole(sampler.handle(), batch);
  const auto ranks = draw_in_slices(sampler.handle(), batch, kExchanges, [&](const auto& a, const auto& s) {
    SampleArguments arguments{.logits = {.data = a.logits, .rows = a.rows, .vocab = a.vocab, .stride = a.logits_stride},
                              .tokens = {a.tokens, kRows},
                              .status = {a.status, kRows},
                              .workspace = {static_cast<std::byte*>(a.workspace), a.workspace_bytes},
                              .temperature = batch.temperature,
                              .top_k = batch.top_k,
                              .top_p = batch.top_p,
                              .seed = batch.seed,
                              .ban_ids = batch.bans,
                              .ban_offsets = batch.ban_offsets};
    const ShardArguments shard{
        .words = {s.words, kRows * fllm_shard_words(kRanks, kList)},
        .states = {static_cast<std::byte*>(s.states), std::size_t{kRows} * FLLM_SHARD_STATE_BYTES},
        .vocab = s.vocab,
        .first_id = s.first_id,
        .rank = s.rank,
        .ranks = s.ranks,
        .list_size = s.list_size,
        .step = s.step,
        .last = s.last != 0};
    const Result<void> done = sampler.sample_shard(arguments, shard);
    ASSERT_TRUE(done.has_value()) << done.error().message;
  });
  for (const Drawn& rank : ranks) EXPECT_EQ(rank.tokens, whole.tokens);
  const Result<void> refused =
      sampler.sample_shard({.logits = {.data = batch.logits.data(), .rows = 1, .vocab = 32}, .tokens = {}},
                           {.words = {}, .states = std::span<std::byte>{}, .ranks = 2});
  EXPECT_FALSE(refused.has_value());
}

}  // namespace
}  // namespace fllm::test
