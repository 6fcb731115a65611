// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cuda/backend/backend.h"
#include "tests/support/array_call.h"
#include "tests/support/c_sampler.h"
#include "tests/support/same_bytes.h"
#include "tests/support/sample_cases.h"

namespace fllm::test {
namespace {

SampleBatch random_batch(Random& random) {
  constexpr LogitType kTypes[] = {LogitType::kFloat32, LogitType::kFloat16, LogitType::kBFloat16};
  BatchLayout layout;
  layout.type = kTypes[random() % 3];
  layout.vocab = static_cast<std::int32_t>(1 + random() % (random() % 4 == 0 ? 3000 : 90));
  layout.base_offset = static_cast<std::int32_t>(random() % 8);
  layout.stride_gap = static_cast<std::int32_t>(random() % 2 * 5);
  layout.inject_uniforms = random() % 2 == 0;
  layout.top_count = static_cast<std::int32_t>(random() % 3 * 4);
  return mixed_batch(layout, static_cast<std::int32_t>(1 + random() % 9), random);
}

/// Row i of what a call gave against the oracle: everything that is an integer, and the probabilities.
void expect_row(const ArrayCall& call, const OracleRow& want, std::int32_t row) {
  const SampleParams p = call.rows_params();
  const auto i = static_cast<std::size_t>(row);
  EXPECT_EQ(call.tokens[i], want.token);
  EXPECT_EQ(call.status[i], want.status);
  EXPECT_EQ(call.details[i].rank, want.rank);
  EXPECT_EQ(call.details[i].kept_count, want.kept_count);
  EXPECT_EQ(call.details[i].kept_mass, want.kept_mass);
  const auto top_count = static_cast<std::size_t>(p.top_count);
  for (std::size_t n = 0; n < top_count; ++n) EXPECT_EQ(call.top[i * top_count + n].id, want.top[n].id) << "top " << n;
  const auto vocab = static_cast<std::size_t>(p.vocab);
  for (std::size_t id = 0; id < vocab; ++id) {
    ASSERT_EQ(call.probabilities[i * vocab + id], want.probabilities[id]) << "probability of id " << id;
  }
}

/// The same rows through Backend::sample and its parameters of another form: the bits of the log-probabilities.
void expect_same_bits(Backend& backend, const ArrayCall& call, LogitType type) {
  SampleParams p = call.rows_params();
  const auto rows = static_cast<std::size_t>(p.rows);
  std::vector<std::int32_t> tokens(rows);
  std::vector<SampleDetail> details(rows);
  std::vector<TopEntry> top(rows * static_cast<std::size_t>(p.top_count));
  p.tokens = tokens.data();
  p.details = details.data();
  p.top = p.top_count > 0 ? top.data() : nullptr;
  backend.sample(type, p);
  EXPECT_TRUE(same_bytes(details, call.details));
  EXPECT_TRUE(same_bytes(top, call.top));
}

TEST(CApiRows, EqualTheOracle) {
  Random random(11);
  const CSampler sampler = make_cpu(2);
  const std::unique_ptr<Backend> backend = make_backend({"cpu", 1});
  for (int launch = 0; launch < 300; ++launch) {
    const SampleBatch batch = random_batch(random);
    ArrayCall call(batch);
    fllm_sample_args args = call.args();
    args.blocks_per_row = static_cast<std::int32_t>(random() % 2 * 8);
    args.random_stream = static_cast<std::int32_t>(random() % 5);
    for (RowSampling& row : call.rows) row.random.stream = static_cast<RandomStream>(args.random_stream);
    const std::vector<std::byte> workspace = give_workspace(sampler.get(), args);
    ASSERT_EQ(fllm_sample(sampler.get(), &args, nullptr), FLLM_OK) << fllm_last_error();
    for (std::int32_t row = 0; row < args.rows; ++row) {
      SCOPED_TRACE(batch.describe(row));
      expect_row(call, oracle_row(batch.layout().type, call.rows_params(), row), row);
    }
    expect_same_bits(*backend, call, batch.layout().type);
    if (testing::Test::HasFailure()) return;
  }
}

/// Whatever is not given is what docs/sampling.md calls the default.
TEST(CApiRows, HaveDefaults) {
  Random random(12);
  const CSampler sampler = make_cpu();
  for (int launch = 0; launch < 40; ++launch) {
    const SampleBatch batch = random_batch(random);
    ArrayCall call(batch);
    const fllm_sample_args all = call.args();
    fllm_sample_args args{};
    args.struct_size = sizeof args;
    args.logits = all.logits;
    args.logits_stride = all.logits_stride;
    args.rows = all.rows;
    args.vocab = all.vocab;
    args.logits_dtype = all.logits_dtype;
    args.tokens = all.tokens;
    args.status = all.status;
    args.details = all.details;
    args.probabilities = all.probabilities;
    for (RowSampling& row : call.rows) row = RowSampling{};
    if (launch % 2 == 0) {
      args.seed = all.seed;
      for (std::size_t i = 0; i < call.rows.size(); ++i) call.rows[i].seed = call.seed[i];
    }
    SampleParams want = call.rows_params();
    want.uniforms = nullptr;
    want.top_count = 0;
    call.top.clear();
    const std::vector<std::byte> workspace = give_workspace(sampler.get(), args);
    ASSERT_EQ(fllm_sample(sampler.get(), &args, nullptr), FLLM_OK) << fllm_last_error();
    for (std::int32_t row = 0; row < args.rows; ++row) {
      const OracleRow expected = oracle_row(batch.layout().type, want, row);
      EXPECT_EQ(call.tokens[static_cast<std::size_t>(row)], expected.token) << "row " << row;
      EXPECT_EQ(call.details[static_cast<std::size_t>(row)].kept_mass, expected.kept_mass) << "row " << row;
    }
    if (testing::Test::HasFailure()) return;
  }
}

/// An allow mask without rows named for it belongs to the logits' rows in order; -1 frees a row of it.
TEST(CApiRows, HaveMasksInOrder) {
  const CSampler sampler = make_cpu();
  const std::vector<float> logits{4, 3, 2, 1, 4, 3, 2, 1, 4, 3, 2, 1}, zeros(3, 0.0f);
  const std::vector<std::uint32_t> masks{0b1110, 0b0100, 0b1000};
  std::vector<std::int32_t> tokens(3), mask_row{2, -1, 1};
  fllm_sample_args args{};
  args.struct_size = sizeof args;
  args.logits = logits.data();
  args.rows = 3;
  args.vocab = 4;
  args.tokens = tokens.data();
  args.temperature = zeros.data();
  args.allow_mask = masks.data();
  const std::vector<std::byte> workspace = give_workspace(sampler.get(), args);
  ASSERT_EQ(fllm_sample(sampler.get(), &args, nullptr), FLLM_OK) << fllm_last_error();
  EXPECT_THAT(tokens, testing::ElementsAre(1, 2, 3));
  args.mask_row = mask_row.data();
  ASSERT_EQ(fllm_sample(sampler.get(), &args, nullptr), FLLM_OK) << fllm_last_error();
  EXPECT_THAT(tokens, testing::ElementsAre(3, 0, 2));
}

}  // namespace
}  // namespace fllm::test
