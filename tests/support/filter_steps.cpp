// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/device_rows.h"
#include "tests/support/filter_suite.h"
#include "tests/support/oracle_filters.h"
#include "tests/support/sample_batch.h"

namespace fllm::test {
namespace {

constexpr std::int32_t kVocab = 24, kCapacity = 12, kSteps = 20;

/// Rows of every state there is: filters by sequence and mirostat, alone and together, prompts of some lengths, no slot.
std::vector<RowCase> step_rows() {
  std::vector<RowCase> rows(6);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    RowCase& row = rows[r];
    row.sampling.temperature = r == 0 ? 0.0f : 1.0f;  // greedy: only its edits make it move on
    row.sampling.seed = 70 + r;
    row.sampling.random.position = 3;
    row.filters.has_slot = r != 5;
    for (std::size_t t = 0; t < r % 5 * 3; ++t) row.filters.history.push_back(static_cast<std::int32_t>(t % 4));
    RowFilters& f = row.filters.values;
    if (r % 2 == 0) f.no_repeat_ngram = r == 4 ? 1 : 2;
    if (r == 0 || r == 3) {
      f.dry_multiplier = 1;
      f.dry_allowed_length = 1;
    }
    if (r == 2) f.history_begin = static_cast<std::int32_t>(row.filters.history.size());
    if (r == 3) row.filters.words = {{0, 1}, {2}};
    if (r >= 1) f.mirostat_tau = static_cast<float>(r);
  }
  return rows;
}

/// What a step does to a row, drawn from `drawn`.
void follow(RowCase& row, const OracleDistribution& drawn, std::int32_t token, float mu) {
  ++row.sampling.random.position;
  if (!row.filters.has_slot) return;
  if (row.filters.values.mirostat_tau > 0) {
    row.filters.mu =
        oracle_next_mu(row.filters.values, mu, drawn.mass[static_cast<std::size_t>(token)], drawn.kept_mass);
  }
  if (row.filters.history.size() < kCapacity) row.filters.history.push_back(token);
}

}  // namespace

void run_filtered_steps(Backend& backend, const std::function<void(LogitType, const SampleParams&)>& launch) {
  std::vector<RowCase> rows = step_rows();
  const auto count = static_cast<std::int32_t>(rows.size());
  const std::vector<float> logits = random_floats(rows.size() * kVocab, 5);
  const auto make_batch = [&] {
    SampleBatch batch({.vocab = kVocab, .inject_uniforms = false, .history_capacity = kCapacity, .advance = true});
    for (std::size_t r = 0; r < rows.size(); ++r) {
      batch.add(std::span(logits).subspan(r * kVocab, kVocab), rows[r]);
    }
    return batch;
  };
  const DeviceFilters filters(backend, make_batch().filters());
  const DeviceTable<float> device_logits(backend, logits);
  std::vector<float> temperatures;
  std::vector<std::uint64_t> seeds;
  for (const RowCase& row : rows) {
    temperatures.push_back(row.sampling.temperature);
    seeds.push_back(row.sampling.seed);
  }
  const DeviceTable<float> device_temperatures(backend, temperatures);
  const DeviceTable<std::uint64_t> device_seeds(backend, seeds);
  const DeviceTable<std::uint32_t> positions(backend, std::vector<std::uint32_t>(rows.size(), 3));
  const GuardedArray<std::int32_t> tokens(backend, rows.size());
  const GuardedArray<std::uint32_t> status(backend, rows.size());
  SampleParams p;
  p.logits = device_logits.data();
  p.stride = p.vocab = kVocab;
  p.rows = count;
  p.filters = filters.params();
  p.advance = 1;
  p.tokens = tokens.data();
  p.status = status.data();
  p.arrays.temperatures = device_temperatures.data();
  p.arrays.seeds = device_seeds.data();
  p.arrays.positions = positions.data();

  std::vector<std::int32_t> full_steps(rows.size());
  for (std::int32_t step = 0; step < kSteps; ++step) {
    const SampleBatch batch = make_batch();
    launch(LogitType::kFloat32, p);
    const std::vector<std::int32_t> drawn = tokens.download("tokens");
    const std::vector<std::uint32_t> told = status.download("status");
    const SequenceState state = filters.download();
    for (std::int32_t r = 0; r < count; ++r) {
      const auto at = static_cast<std::size_t>(r);
      ASSERT_EQ(drawn[at], batch.oracle(r).token) << "step " << step << ", " << batch.describe(r);
      const bool full = rows[at].filters.has_slot && rows[at].filters.history.size() == kCapacity;
      EXPECT_EQ(told[at], full ? kSampleFull : kSampleOk) << "step " << step << ", row " << r;
      full_steps[at] += full ? 1 : 0;
      const SampleParams host = batch.host_params();
      follow(rows[at], oracle_distribution(LogitType::kFloat32, host, r), drawn[at], oracle_mu(host, r));
      const auto slot = static_cast<std::size_t>(batch.filters().slot_of(r));
      EXPECT_TRUE(same_bits(state.mus[slot], rows[at].filters.mu)) << "step " << step << ", row " << r;
      const auto first = state.tokens.begin() + static_cast<std::ptrdiff_t>(slot) * kCapacity;
      EXPECT_TRUE(std::equal(rows[at].filters.history.begin(), rows[at].filters.history.end(), first))
          << "step " << step << ", row " << r;
    }
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_EQ(full_steps, (std::vector<std::int32_t>{8, 11, 14, 17, 20, 0}));
}

}  // namespace fllm::test
