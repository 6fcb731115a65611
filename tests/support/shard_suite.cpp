// SPDX-License-Identifier: Apache-2.0
#include "tests/support/shard_suite.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>

#include "tests/support/expect_error.h"
#include "tests/support/sample_cases.h"
#include "tests/support/sharding_backend.h"

namespace fllm::test {
namespace {

constexpr std::array<std::int32_t, 5> kRanks = {1, 2, 3, 4, 8};
constexpr std::int32_t kAllSteps = 11;  // for any row

BatchLayout token_layout(LogitType type, std::int32_t vocab) {
  BatchLayout layout;
  layout.type = type;
  layout.vocab = vocab;
  layout.want_details = false;
  return layout;
}

}  // namespace

void run_sharded_rows(Backend& backend, SuiteSize size) {
  Random random(31);
  const int batches = size == SuiteSize::kFull ? 120 : size == SuiteSize::kFast ? 12 : 4;
  for (int i = 0; i < batches; ++i) {
    constexpr std::array<std::int32_t, 4> kVocabs = {31, 33, 260, 1500};
    BatchLayout layout = token_layout(kTypes[random() % 3], kVocabs[random() % 4]);
    layout.base_offset = static_cast<std::int32_t>(random() % 8);
    layout.stride_gap = static_cast<std::int32_t>(random() % 2 * 5);
    layout.inject_uniforms = random() % 2 == 0;
    const std::int32_t ranks = kRanks[random() % kRanks.size()];
    constexpr std::array<std::int32_t, 3> kLists = {0, 7, 64};
    ShardingBackend shards(backend, ranks, kLists[random() % 3], kAllSteps);
    expect_oracle(shards, mixed_batch(layout, size == SuiteSize::kFull ? 12 : 6, random));
    if (testing::Test::HasFailure()) return;
  }
}

void run_sharded_filters(Backend& backend, SuiteSize size) {
  Random random(32);
  const std::int32_t vocab = size == SuiteSize::kFull ? 200 : 70;
  const std::uint64_t part = size == SuiteSize::kFull ? 1 : size == SuiteSize::kFast ? 64 : 192;
  for (const LogitShape& shape : logit_shapes()) {
    SCOPED_TRACE(shape.name);
    SampleBatch batch(token_layout(LogitType::kFloat32, vocab));
    for (const RowCase& row : filter_grid(vocab, random)) {
      if (random() % part == 0) batch.add(shape.make(vocab, random), row);
    }
    ShardingBackend shards(backend, kRanks[random() % kRanks.size()], random() % 2 == 0 ? 50 : 0, kAllSteps);
    if (batch.rows() > 0) expect_oracle(shards, batch);
    if (testing::Test::HasFailure()) return;
  }
}

void run_sharded_exchanges(Backend& backend) {
  constexpr std::int32_t kVocab = 300, kList = 20, kRankCount = 4;
  struct Case {
    const char* name;
    std::int32_t exchanges;
    float temperature;
    std::int32_t top_k;
    double top_p, min_p;
  };
  constexpr Case kCases[] = {
      {"greedy", 1, 0, 0, 1, 0},          {"top-k 1", 1, 1, 1, 0.5, 0},
      {"listed", 1, 1, kList, 1, 0},      {"listed with top-p and min-p", 1, 1, kList, 0.9, 0.001},
      {"neutral", 3, 1, 0, 1, 0},         {"min-p", 3, 1, 0, 1, 0.001},
      {"top-p", 6, 1, 0, 0.9, 0},         {"larger top-k", 6, 1, kList + 1, 1, 0},
      {"both", 10, 1, kList + 1, 0.9, 0},
  };
  Random random(33);
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    std::vector<float> logits(kVocab);
    for (float& logit : logits) logit = static_cast<float>(random() % 4096) / 1024;
    RowCase row;
    row.uniform = ~std::uint64_t{0} / 3 * 2;
    row.sampling.temperature = c.temperature;
    row.sampling.top_k = c.top_k;
    set_top_p(row.sampling, c.top_p);
    set_min_p(row.sampling, c.min_p);
    SampleBatch batch(token_layout(LogitType::kFloat32, kVocab));
    batch.add(logits, row);
    ShardingBackend enough(backend, kRankCount, kList, c.exchanges + 1);
    expect_oracle(enough, batch);
    if (c.exchanges == 1) continue;
    ShardingBackend too_few(backend, kRankCount, kList, c.exchanges);
    const SampleOutput early = run_batch(too_few, batch);
    EXPECT_EQ(early.status[0], std::uint32_t{kSampleUndecided});
    EXPECT_EQ(early.tokens[0], std::max_element(logits.begin(), logits.end()) - logits.begin());
  }
}

void run_sharded_full_lists(Backend& backend) {
  constexpr std::int32_t kVocab = 256, kList = 20, kRankCount = 4;
  for (const std::int32_t rank : {0, kRankCount - 1}) {
    std::vector<float> logits(kVocab);
    for (std::int32_t id = 0; id < kVocab; ++id) {
      logits[static_cast<std::size_t>(id)] =
          id / (kVocab / kRankCount) == rank ? 8 - 0.01f * static_cast<float>(id) : 0;
    }
    RowCase row;
    row.sampling.top_k = kList;
    SampleBatch batch(token_layout(LogitType::kFloat32, kVocab));
    for (std::uint64_t i = 0; i < kList; ++i) {  // the middle of every id's interval, or near it
      row.uniform = ~std::uint64_t{0} / (2 * kList) * (2 * i + 1);
      batch.add(logits, row);
    }
    ShardingBackend shards(backend, kRankCount, kList, 2);
    expect_oracle(shards, batch);
  }
}

void run_sharded_advance(Backend& backend) {
  const auto advance = [&](std::int32_t list_size, std::int32_t steps, std::int32_t top_k) {
    ShardingBackend shards(backend, 2, list_size, steps);
    run_advancing_steps(
        shards, [&](LogitType type, const SampleParams& p) { shards.sample(type, p); }, top_k);
  };
  advance(0, 4, 0);
  advance(20, 2, 20);  // the last step itself draws, from the lists
}

void run_sharded_refusals(Backend& backend) {
  ShardParams good;
  float logits[64] = {};
  std::int32_t token = -1;
  Mass words[2 * kShardBins] = {};
  ShardState state;
  good.sample.logits = logits;
  good.sample.rows = 1;
  good.sample.vocab = 32;
  good.sample.stride = 32;
  good.sample.first_id = 32;
  good.sample.tokens = &token;
  good.vocab = 64;
  good.rank = 1;
  good.ranks = 2;
  good.list_size = 8;
  good.words = words;
  good.states = &state;
  const auto refuses = [&](const std::function<void(ShardParams&)>& change, const char* message) {
    ShardParams p = good;
    change(p);
    expect_error(ErrorCode::kInvalidArgument, {message}, [&] { backend.sample_shard(LogitType::kFloat32, p); });
  };
  refuses([](ShardParams& p) { p.ranks = 0; }, "ranks is 0; allowed: >= 1");
  refuses([](ShardParams& p) { p.ranks = 65; }, "ranks is 65; allowed: <= 64");
  refuses([](ShardParams& p) { p.rank = -1; }, "rank is -1; allowed: >= 0");
  refuses([](ShardParams& p) { p.rank = 2; }, "rank is 2; allowed: <= 1");
  refuses([](ShardParams& p) { p.sample.first_id = -32; }, "first_id is -32; allowed: >= 0");
  refuses([](ShardParams& p) { p.sample.first_id = 31; }, "first_id is 31; allowed: multiples of 32");
  refuses([](ShardParams& p) { p.vocab = 63; }, "vocab is 63; allowed: >= 64");
  refuses([](ShardParams& p) { p.vocab = (1 << 20) + 1; }, "vocab is 1048577; allowed: <= 1048576");
  refuses([](ShardParams& p) { p.list_size = 257; }, "list_size is 257; allowed: <= 256");
  refuses([](ShardParams& p) { p.list_size = -1; }, "list_size is -1; allowed: >= 0");
  refuses([](ShardParams& p) { p.step = -1; }, "step is -1; allowed: >= 0");
  refuses([](ShardParams& p) { p.last = 1; }, "step is 0; allowed: >= 1");
  refuses([](ShardParams& p) { p.words = nullptr; }, "words missing");
  refuses([](ShardParams& p) { p.states = nullptr; }, "states missing");
  refuses([](ShardParams& p) { p.sample.vocab = 0; }, "vocab is 0");
  const RowFilters filters;
  refuses([&](ShardParams& p) { p.sample.filters.rows = &filters; }, "filters of a shard (1: given) is 1");
  const std::uint32_t mask[1] = {};
  refuses(
      [&](ShardParams& p) {
        p.sample.allow_mask = mask;
        p.sample.mask_words = 1;
      },
      "mask_words is 1; allowed: >= 2");
}

}  // namespace fllm::test
