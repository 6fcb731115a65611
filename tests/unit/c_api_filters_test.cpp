// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "fundamentallm/sampler.h"
#include "tests/support/array_call.h"
#include "tests/support/c_sampler.h"
#include "tests/support/filter_cases.h"
#include "tests/support/same_bytes.h"

namespace fllm::test {
namespace {

using testing::ElementsAre;

TEST(CApiFilters, TheNeutralRowIsTheKernels) {
  const RowFilters neutral;
  fllm_row_filters bits;
  std::memcpy(&bits, &neutral, sizeof bits);
  EXPECT_TRUE(same_bytes(std::vector{bits}, std::vector{kNoRowFilters}));
}

TEST(CApiFilters, RowsEqualTheOracle) {
  Random random(31);
  const CSampler sampler = make_cpu(2);
  for (int launch = 0; launch < 150 && !testing::Test::HasFailure(); ++launch) {
    BatchLayout layout;
    layout.vocab = static_cast<std::int32_t>(1 + random() % 200);
    layout.inject_uniforms = random() % 2 == 0;
    layout.history_capacity = static_cast<std::int32_t>(1 + random() % 40);
    const SampleBatch batch = filtered_batch(layout, 7, random);
    ArrayCall call(batch);
    fllm_sample_args args = call.args();
    const std::vector<std::byte> workspace = give_workspace(sampler.get(), args);
    ASSERT_EQ(fllm_sample(sampler.get(), &args, nullptr), FLLM_OK) << fllm_last_error();
    for (std::int32_t row = 0; row < args.rows; ++row) {
      const OracleRow want = oracle_row(layout.type, call.rows_params(), row);
      const auto i = static_cast<std::size_t>(row);
      EXPECT_EQ(call.tokens[i], want.token) << batch.describe(row);
      EXPECT_EQ(call.details[i].kept_count, want.kept_count) << batch.describe(row);
      EXPECT_EQ(call.details[i].kept_mass, want.kept_mass) << batch.describe(row);
    }
  }
}

/// Three ids, all words but one, and a sequence of room for two more.
struct FilterCall {
  explicit FilterCall(fllm_sampler* sampler) {
    args.struct_size = sizeof args;
    args.logits = logits.data();
    args.rows = 1;
    args.vocab = 4;
    args.tokens = &token;
    args.status = &status;
    args.filters = &filters;
    args.sequences = {tokens.data(), &length, &mu, 3, 1};
    args.advance = 1;
    workspace = give_workspace(sampler, args);
  }

  std::vector<float> logits{3, 2, 1, 0};
  std::vector<std::int32_t> tokens{3, -1, -1};
  std::int32_t token = -1, length = 1;
  std::uint32_t status = 99;
  float mu = std::numeric_limits<float>::quiet_NaN();
  fllm_row_filters filters = FLLM_NO_ROW_FILTERS;
  std::vector<std::byte> workspace;
  fllm_sample_args args{};
};

TEST(CApiFilters, SequencesGrowUntilTheyAreFull) {
  const CSampler sampler = make_cpu();
  FilterCall call(sampler.get());
  const float zero = 0;
  call.args.temperature = &zero;
  call.filters.slot = 0;
  call.filters.no_repeat_ngram = 1;
  std::vector<std::int32_t> drawn;
  std::vector<std::uint32_t> told;
  for (int step = 0; step < 4; ++step) {
    ASSERT_EQ(fllm_sample(sampler.get(), &call.args, nullptr), FLLM_OK) << fllm_last_error();
    drawn.push_back(call.token);
    told.push_back(call.status);
  }
  EXPECT_THAT(drawn, ElementsAre(0, 1, 2, 2)) << "the last two were not seen";
  EXPECT_THAT(told, ElementsAre(0u, 0u, FLLM_ROW_FULL, FLLM_ROW_FULL));
  EXPECT_THAT(call.tokens, ElementsAre(3, 0, 1));
  EXPECT_EQ(call.length, 3);
}

TEST(CApiFilters, MirostatIsSteered) {
  const CSampler sampler = make_cpu();
  FilterCall call(sampler.get());
  call.logits = {0, 0, 0, 0};  // four ids of two bits each
  call.filters.slot = 0;
  call.filters.mirostat_tau = 1.5f;
  ASSERT_EQ(fllm_sample(sampler.get(), &call.args, nullptr), FLLM_OK) << fllm_last_error();
  EXPECT_NEAR(call.mu, 3 - 0.1 * (2 - 1.5), 1e-6) << "2 tau, less a tenth of what it was too surprising";
  call.mu = 1;  // none is so little surprising: the first alone, of no surprise
  ASSERT_EQ(fllm_sample(sampler.get(), &call.args, nullptr), FLLM_OK) << fllm_last_error();
  EXPECT_EQ(call.token, 0);
  EXPECT_NEAR(call.mu, 1 + 0.1 * 1.5, 1e-6);
}

TEST(CApiFilters, WordsAndBreakersNeedTheirTables) {
  const CSampler sampler = make_cpu();
  FilterCall call(sampler.get());
  const float zero = 0;
  call.args.temperature = &zero;
  call.args.advance = 0;
  call.filters.bad_words = {0, 2};
  call.filters.dry_multiplier = 10;
  call.filters.dry_breakers = {0, 5};
  ASSERT_EQ(fllm_sample(sampler.get(), &call.args, nullptr), FLLM_OK) << fllm_last_error();
  EXPECT_EQ(call.token, 0) << "no tables: no words";
  const std::vector<std::int32_t> word_ids{3, 0, 1}, word_offsets{0, 2, 3};
  call.args.word_ids = word_ids.data();
  call.args.word_offsets = word_offsets.data();
  ASSERT_EQ(fllm_sample(sampler.get(), &call.args, nullptr), FLLM_OK) << fllm_last_error();
  EXPECT_EQ(call.token, 0) << "no slot: no history, the one-id word alone counts";
  call.filters.slot = 0;
  ASSERT_EQ(fllm_sample(sampler.get(), &call.args, nullptr), FLLM_OK) << fllm_last_error();
  EXPECT_EQ(call.token, 2) << "the history ends with 3";
}

const Wrong kWrongFilters[] = {
    {"filters: 0x1001: must be aligned to 4 bytes", [](auto& a) { a.filters = odd_address<fllm_row_filters>(); }},
    {"filters: NULL: must be given with sequences",
     [](auto& a) {
       a.sequences = {nullptr, nullptr, some_address<float>(), 0, 1};
     }},
    {"sequences: NULL: must have tokens and lengths, mirostat_mu, or all of them\n"
     "sequences.capacity: 1: must be 0 without tokens\nsequences.slots: -1: must be at least 1",
     [](auto& a) {
       a.filters = some_address<fllm_row_filters>(), a.sequences = {nullptr, nullptr, nullptr, 1, -1};
     }},
    {"sequences.lengths: NULL: must be given\nsequences.tokens: 0x1001: must be aligned to 4 bytes\n"
     "sequences.mirostat_mu: 0x1001: must be aligned to 4 bytes\nsequences.capacity: 0: must be at least 1\n"
     "sequences.slots: 0: must be at least 1",
     [](auto& a) {
       a.filters = some_address<fllm_row_filters>();
       a.sequences = {odd_address<std::int32_t>(), nullptr, odd_address<float>(), 0, 0};
     }},
    {"sequences.tokens: NULL: must be given\nsequences.lengths: 0x1001: must be aligned to 4 bytes",
     [](auto& a) {
       a.filters = some_address<fllm_row_filters>();
       a.sequences = {nullptr, odd_address<std::int32_t>(), nullptr, 1, 1};
     }},
    {"word_ids: NULL: must be given with word_offsets\nfilters: NULL: must be given with word_offsets",
     [](auto& a) { a.word_offsets = some_address<std::int32_t>(); }},
    {"word_offsets: NULL: must be given with word_ids", [](auto& a) { a.word_ids = some_address<std::int32_t>(); }},
    {"filters: NULL: must be given with breaker_ids", [](auto& a) { a.breaker_ids = some_address<std::int32_t>(); }},
    {"word_offsets: 0x1001: must be aligned to 4 bytes\nword_ids: 0x1001: must be aligned to 4 bytes\n"
     "breaker_ids: 0x1001: must be aligned to 4 bytes",
     [](auto& a) {
       a.filters = some_address<fllm_row_filters>();
       a.word_offsets = a.word_ids = a.breaker_ids = odd_address<std::int32_t>();
     }},
};

TEST(CApiFilters, SaysWhatIsWrong) {
  const CSampler sampler = make_cpu();
  for (const Wrong& wrong : kWrongFilters) {
    SCOPED_TRACE(wrong.message);
    FilterCall call(sampler.get());
    call.args.advance = 0;
    call.args.filters = nullptr;
    call.args.sequences = {};
    wrong.change(call.args);
    expect_refused(fllm_sample(sampler.get(), &call.args, nullptr), wrong.message);
    EXPECT_EQ(call.token, -1) << "written by a call that failed";
  }
}

}  // namespace
}  // namespace fllm::test
