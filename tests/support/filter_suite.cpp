// SPDX-License-Identifier: Apache-2.0
#include "tests/support/filter_suite.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "tests/support/device_rows.h"
#include "tests/support/expect_error.h"
#include "tests/support/filter_cases.h"
#include "tests/support/special_floats.h"

namespace fllm::test {
namespace {

bool failed() { return ::testing::Test::HasFailure(); }

BatchLayout filtered_layout(std::int32_t vocab, std::int32_t capacity, Random& random) {
  BatchLayout layout;
  layout.type = kTypes[random() % kTypes.size()];
  layout.vocab = vocab;
  layout.base_offset = static_cast<std::int32_t>(random() % 8);
  layout.stride_gap = static_cast<std::int32_t>(random() % 3);
  layout.inject_uniforms = random() % 2 == 0;
  layout.want_details = random() % 4 != 0;
  layout.want_probabilities = random() % 2 == 0;
  layout.top_count = random() % 4 == 0 ? 5 : 0;
  layout.history_capacity = capacity;
  layout.advance = random() % 2 == 0;
  return layout;
}

/// Rows that need exact masses: logits are -n log2 units at a scale of 1.
RowCase exact_case(Random& random) {
  RowCase row;
  row.sampling.temperature = 1.44269504f;
  row.uniform = random();
  return row;
}

}  // namespace

void run_filtered_rows(Backend& backend, SuiteSize size) {
  Random random(11);
  const bool full = size == SuiteSize::kFull;
  for (std::int32_t i = 0; i < (full ? 600 : size == SuiteSize::kFast ? 24 : 8) && !failed(); ++i) {
    const std::int32_t vocab = mixed_vocab(i, full ? 5000 : 1100, random);
    const auto capacity = static_cast<std::int32_t>(i % 5 == 0 ? random() % 4 : 1 + random() % 60);
    expect_oracle(backend, filtered_batch(filtered_layout(vocab, capacity, random), full ? 16 : 12, random));
  }
}

void run_filter_ties(Backend& backend, SuiteSize size) {
  Random random(12);
  for (std::int32_t i = 0; i < (size == SuiteSize::kFull ? 60 : 6) && !failed(); ++i) {
    const auto vocab = static_cast<std::int32_t>(2 + random() % (i % 3 == 0 ? 9 : i % 3 == 1 ? 90 : 1500));
    const std::uint64_t levels = 1 + random() % 4, spread = std::array{2, 2, 12, 20, 40}[random() % 5];
    BatchLayout layout{.vocab = vocab, .want_probabilities = true};
    layout.history_capacity = 0;
    SampleBatch batch(layout);
    for (std::int32_t r = 0; r < 24; ++r) {
      std::vector<float> logits(static_cast<std::size_t>(vocab));
      for (float& l : logits) l = -static_cast<float>(random() % levels * spread);
      RowCase row = exact_case(random);
      if (random() % 2 == 0) row.sampling.top_k = static_cast<std::int32_t>(random() % logits.size());
      RowFilters& f = row.filters.values;
      // Shares that sets of equal ids reach exactly, and their neighbours.
      const float share = static_cast<float>(random() % 32) / 32;
      const float p = random() % 3 == 0 ? share : std::nextafter(share, random() % 2 == 0 ? 0.0f : 1.0f);
      if (r % 3 != 0) f.typical_p = p;
      if (r % 3 != 1) {
        f.xtc_probability = 1;
        f.xtc_threshold = p / static_cast<float>(1 + random() % logits.size());
      }
      if (r % 4 == 3) {
        f.mirostat_tau = 1;
        row.filters.mu = static_cast<float>(random() % 2 == 0 ? random() % 4 : random() % 42);
      }
      batch.add(logits, row);
    }
    expect_oracle(backend, batch);
  }
}

void run_typical_ties(Backend& backend) {
  Random random(16);
  BatchLayout layout{.vocab = 18, .want_probabilities = true};
  layout.history_capacity = 0;
  SampleBatch batch(layout);
  // 2, 8 and 8 ids of surprise 0, 1 and 2: masses 2, 4 and 2, mean 1. What is as far from it as the last that is needed is cut,
  // by a share that half or all of those at the mean reach, part of the upper ids, all of them, or these and half of the lower.
  std::vector<float> logits(18, -2.0f);
  std::fill_n(logits.begin() + 4, 8, -1.0f);
  logits[3] = logits[15] = 0.0f;
  for (const std::int32_t kept : {4, 8, 9, 10, 14}) {
    RowCase row = exact_case(random);
    row.filters.values.typical_p =
        std::array{0.25f, 0.5f, 0.625f, 0.75f, 0.875f}[static_cast<std::size_t>(batch.rows())];
    batch.add(logits, row);
    EXPECT_EQ(batch.oracle(batch.rows() - 1).kept_count, kept);
  }
  // Two ids 8 units of surprise (2^-20) apart, and 16 of 2^15 units of mass each, which shift the mean from 4 units to 10.
  std::fill(logits.begin(), logits.end(), -25.0f);
  logits[0] = 0.0f;
  logits[1] = -0x1p-17f;
  RowCase nearest = exact_case(random);
  nearest.filters.values.typical_p = 0.25f;
  batch.add(logits, nearest);
  EXPECT_EQ(batch.oracle(batch.rows() - 1).token, 1);
  expect_oracle(backend, batch);
}

void run_exact_coins(Backend& backend) {
  BatchLayout layout{.vocab = 4, .want_probabilities = true};
  layout.history_capacity = 0;
  SampleBatch batch(layout);
  for (std::uint32_t position = 0; position < 10000; ++position) {
    RowCase row;
    row.sampling.random = {position, 1, RandomStream::kTarget, 6};
    const std::uint64_t coin = oracle_random_bits(row.sampling.seed, {position, 1, RandomStream::kTarget, 7}) >> 32;
    const auto probability = static_cast<float>(static_cast<double>(coin) * 0x1p-32);
    if (static_cast<double>(probability) != static_cast<double>(coin) * 0x1p-32) continue;
    row.filters.values.xtc_threshold = 0;
    for (const float p : {probability, std::nextafter(probability, 1.0f)}) {  // not yet, and just
      row.filters.values.xtc_probability = p;
      batch.add(std::vector<float>(4, 1.0f), row);
    }
  }
  ASSERT_GE(batch.rows(), 20);
  EXPECT_EQ(batch.oracle(0).kept_count, 4);
  EXPECT_EQ(batch.oracle(1).kept_count, 1);
  expect_oracle(backend, batch);
}

void run_filter_edges(Backend& backend) {
  BatchLayout layout{.vocab = 4, .want_probabilities = true};
  layout.history_capacity = 64;
  Random random(14);
  SampleBatch batch(layout);
  for (const std::int32_t n : {1, 2, 3, 5, 64}) {  // as long as the n-gram, and one short of it
    for (const std::int32_t length : {n, n - 1}) {
      RowCase row;
      row.filters.values.no_repeat_ngram = n;
      row.filters.history.assign(static_cast<std::size_t>(length), 2);
      batch.add(std::array{0.0f, 1.0f, 2.0f, 1.0f}, row);
      EXPECT_EQ(batch.oracle(batch.rows() - 1).kept_count, length == n ? 3 : 4);
    }
  }
  for (const std::int32_t length : {50, 51, 52, 64}) {  // DRY's matches up to the longest that counts, and beyond it
    RowCase row = exact_case(random);
    row.filters.values.dry_multiplier = 0x1p-49f;
    row.filters.values.dry_base = 2;
    row.filters.values.dry_allowed_length = 1;
    row.filters.history.assign(static_cast<std::size_t>(length), 2);
    batch.add(std::array{-kInfinity, 0.0f, 4.0f, -kInfinity}, row);
    const std::uint64_t mass = batch.oracle(batch.rows() - 1).kept_mass, one = std::uint64_t{1} << 40;
    EXPECT_EQ(mass == one + one / 8, length > 50) << length;  // 2^(match - 50) off, for a match of at most 50
  }
  for (const std::int32_t range : {4, 5, 6, 7}) {  // "1 2 3" once more: matched as far as the range goes back
    RowCase row = exact_case(random);
    row.filters.values.dry_multiplier = 1;
    row.filters.values.dry_base = 2;
    row.filters.values.dry_allowed_length = 1;
    row.filters.values.dry_range = range;
    row.filters.history = {1, 2, 3, 0, 1, 2, 3};
    batch.add(std::array{4.0f, -kInfinity, -kInfinity, 0.0f}, row);
    const std::uint64_t mass = batch.oracle(batch.rows() - 1).kept_mass, one = std::uint64_t{1} << 40;
    // Id 0 at 4, 3, 2 and 0, for matches of 0, 1, 2 and 3.
    EXPECT_EQ(mass, one + (one >> std::array{4, 3, 2, 0}[static_cast<std::size_t>(range - 4)])) << range;
  }
  RowCase spared = exact_case(random);  // "1" is matched twice: 3 is lowered, and 2, a breaker, is not
  spared.filters.values.dry_multiplier = 4;
  spared.filters.values.dry_allowed_length = 1;
  spared.filters.history = {1, 2, 1, 3, 1};
  spared.filters.breakers = {2};
  batch.add(std::array{-kInfinity, -kInfinity, 0.0f, 0.0f}, spared);
  EXPECT_EQ(batch.oracle(batch.rows() - 1).kept_mass, (std::uint64_t{1} << 40) + (std::uint64_t{1} << 36));
  for (const int exponent :
       {-100, -101, -107, -108, -112, -120, -140}) {  // rows that are nearly flat, and one that counts as flat
    const float unit = std::ldexp(1.0f, exponent - 3);
    RowCase row = exact_case(random);
    row.filters.values.top_n_sigma = 1;
    batch.add(std::array{0.0f, -unit, -2 * unit, -8 * unit}, row);  // distances of a standard deviation of 3.1 units
    EXPECT_EQ(batch.oracle(batch.rows() - 1).kept_count, exponent > -140 ? 3 : 4) << exponent;
  }
  for (std::int32_t bits = 15; bits <= 40; ++bits) {
    for (const float more : {0.0f, 0.125f}) {  // the second mass adds less than 1 to the bound: it is just not kept
      RowCase row = exact_case(random);
      row.filters.values.mirostat_tau = 1;
      row.filters.mu = static_cast<float>(bits) + more;
      batch.add(std::array{-kInfinity, 0.0f, static_cast<float>(-bits), -kInfinity}, row);
      EXPECT_EQ(batch.oracle(batch.rows() - 1).kept_count, more > 0 ? 2 : 1) << bits;
    }
  }
  expect_oracle(backend, batch);
}

void run_sequence_edits(Backend& backend, SuiteSize size) {
  Random random(13);
  const bool full = size == SuiteSize::kFull;
  for (std::int32_t i = 0; i < (full ? 40 : 4) && !failed(); ++i) {
    const std::int32_t vocab = i % 2 == 0 ? 4200 : 40, capacity = full ? 3000 : 400;
    BatchLayout layout{.vocab = vocab, .want_probabilities = true, .top_count = 5};
    layout.history_capacity = capacity;
    layout.advance = true;
    SampleBatch batch(layout);
    for (std::int32_t r = 0; r < 8; ++r) {
      std::vector<float> logits(static_cast<std::size_t>(vocab));
      for (float& l : logits) l = static_cast<float>(random() % 1000) * 0.004f;
      RowCase row;
      row.uniform = random();
      FilterCase& filters = row.filters;
      // One id, followed by many: those a multiple of 1,024 apart are looked at one after the other.
      for (std::int32_t t = 0; t + 1 < capacity; ++t) {
        const auto far = static_cast<std::int32_t>(random() % 5 * 1024 + random() % 3);
        filters.history.push_back(r < 4 && t % 2 == 0 ? 5 : r % 2 == 0 ? far : static_cast<std::int32_t>(random() % 8));
      }
      filters.history.push_back(5);
      if (r == 5 || r == 6) std::fill(filters.history.begin(), filters.history.end(), 7);
      if (r % 2 == 0) filters.values.no_repeat_ngram = 1 + r / 2;
      filters.values.dry_multiplier = 0.1f;
      filters.values.dry_base = 1.1f;
      if (r == 5) {  // a power without bounds is too much for any multiplier
        filters.values.dry_multiplier = 1e-38f;
        filters.values.dry_base = 1e30f;
      }
      if (r == 7) filters.breakers = {filters.history[filters.history.size() - 2]};  // no match is longer than 1
      filters.values.dry_allowed_length = 1 + r % 3;
      for (std::int32_t w = 0; w < 300; ++w) {
        filters.words.push_back({5, static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(vocab))});
      }
      batch.add(logits, row);
    }
    expect_oracle(backend, batch);
  }
}

void run_filtered_large_rows(Backend& backend, SuiteSize size) {
  Random random(14);
  const bool full = size == SuiteSize::kFull;
  for (const LogitShape& shape : logit_shapes()) {
    SCOPED_TRACE(shape.name);
    const auto vocab = static_cast<std::int32_t>(33000 + random() % (full ? 100000 : 2000));
    const BatchLayout layout = filtered_layout(vocab, 50, random);
    SampleBatch batch(layout);
    const std::vector<float> logits = shape.make(vocab, random);
    for (std::int32_t r = 0; r < (full ? 6 : 1); ++r) {
      RowCase row = random_case(vocab, random);
      if (r % 2 == 0) row.sampling.top_k = 0;
      add_random_sequence(row.filters, logits, layout.history_capacity, random);
      add_random_filters(row.filters, random);
      batch.add(logits, row);
    }
    expect_oracle(backend, batch);
    if (failed()) return;
  }
  if (!full) return;
  BatchLayout layout{.vocab = 1 << 20};
  layout.history_capacity = 0;
  SampleBatch flat(layout);  // the largest sums there are
  for (const float distance : {0.0f, 1.0f, 1.4427f}) {
    std::vector<float> logits(1 << 20, -distance);
    logits[1000] = 0;
    RowCase row = exact_case(random);
    row.filters.values.top_n_sigma = 3;
    row.filters.values.typical_p = 0.5f;
    flat.add(logits, row);
    row.filters.values.typical_p = 1;
    row.filters.values.top_n_sigma = 100;
    row.filters.values.mirostat_tau = 8;
    flat.add(logits, row);
  }
  expect_oracle(backend, flat);
}

void run_filtered_invariance(Backend& backend) {
  Random random(15);
  for (std::int32_t i = 0; i < 3 && !failed(); ++i) {
    BatchLayout layout = filtered_layout(static_cast<std::int32_t>(1 + random() % 400), 40, random);
    layout.advance = true;
    const SampleBatch batch = filtered_batch(layout, 9, random);
    const SampleOutput together = run_batch(backend, batch);
    std::vector<std::int32_t> order(static_cast<std::size_t>(batch.rows()));
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random);
    order.resize(6);
    const SampleOutput apart = run_batch(backend, batch.permuted(order));
    for (std::size_t place = 0; place < order.size() && !failed(); ++place) {
      EXPECT_TRUE(same_row(batch, together, order[place], apart, static_cast<std::int32_t>(place)))
          << "place " << place << ": " << batch.describe(order[place]);
    }
  }
}

void run_filter_tables(Backend& backend) {
  // Two rows alike, with slots 1 and 0.
  const std::vector<float> logits = {0, -1, -2, -3, -3, -4, -5, -6, 0, -1, -2, -3, -3, -4, -5, -6};
  std::vector<RowSampling> sampling(2);
  std::vector<RowFilters> rows(2);
  for (std::size_t i = 0; i < 2; ++i) {
    rows[i].slot = i == 0 ? 1 : 0;
    rows[i].no_repeat_ngram = 1;
    rows[i].mirostat_tau = 2;
    sampling[i].seed = i;
  }
  std::vector<std::int32_t> tokens = {0, 1, 2, 5, 4, 3}, lengths = {3, 2};
  std::vector<float> mus = {1, 6};
  const DeviceTable<float> device_logits(backend, logits), device_mus(backend, mus);
  const DeviceTable<RowSampling> device_sampling(backend, sampling);
  const DeviceTable<RowFilters> device_rows(backend, rows);
  const DeviceTable<std::int32_t> device_tokens(backend, tokens), device_lengths(backend, lengths);
  // Of one slot, or of both, of which the first row has the second; the memory is there. With tokens but no mus the launch
  // advances, if it has both slots.
  for (const int launch : {0, 1, 2, 3, 4, 5, 6, 7}) {
    const std::int32_t slots = 1 + launch / 4;
    const bool has_tokens = launch / 2 % 2 != 0, has_mus = launch % 2 == 0;
    SampleParams host, device;
    host.rows = 2;
    host.vocab = 8;
    host.stride = 8;
    host.advance = has_mus || slots < 2 ? 0 : 1;
    host.filters.sequences.capacity = 3;
    host.filters.sequences.slot_count = has_tokens || has_mus ? slots : 0;
    device = host;
    host.logits = logits.data();
    host.sampling = sampling.data();
    host.filters.rows = rows.data();
    device.logits = device_logits.data();
    device.sampling = device_sampling.data();
    device.filters.rows = device_rows.data();
    if (has_tokens) {
      host.filters.sequences.tokens = tokens.data();
      host.filters.sequences.lengths = lengths.data();
      device.filters.sequences.tokens = device_tokens.data();
      device.filters.sequences.lengths = device_lengths.data();
    }
    if (has_mus) {
      host.filters.sequences.mirostat_mus = mus.data();
      device.filters.sequences.mirostat_mus = device_mus.data();
    }
    const GuardedArray<std::int32_t> drawn(backend, 2);
    const GuardedArray<SampleDetail> details(backend, 2);
    device.tokens = drawn.data();
    device.details = details.data();
    backend.sample(LogitType::kFloat32, device);
    const std::vector<std::int32_t> ids = drawn.download("tokens");
    const std::vector<SampleDetail> got = details.download("details");
    for (std::int32_t row = 0; row < 2; ++row) {
      const OracleRow want = oracle_row(LogitType::kFloat32, host, row);
      const auto i = static_cast<std::size_t>(row);
      EXPECT_EQ(ids[i], want.token) << "tokens " << has_tokens << ", mus " << has_mus << ", row " << row;
      EXPECT_EQ(got[i].kept_mass, want.kept_mass);
      EXPECT_EQ(got[i].kept_count, want.kept_count);
    }
  }
  // The only launch with tokens that advanced had no mus: slot 0 was full, slot 1 grew.
  EXPECT_EQ(device_lengths.download("lengths"), (std::vector<std::int32_t>{3, 3}));
  EXPECT_EQ(device_mus.download("mus"), mus);
}

void run_filter_refusals(Backend& backend) {
  const float logit = 0;
  std::int32_t token = 0;
  const RowSampling sampling;
  const RowFilters filters;
  SampleParams p;
  p.logits = &logit;
  p.sampling = &sampling;
  p.rows = p.vocab = 1;
  p.stride = 1;
  p.tokens = &token;
  p.filters.rows = &filters;
  const auto refused = [&](const char* part, const auto& change) {
    SampleParams wrong = p;
    change(wrong.filters.sequences);
    expect_error(ErrorCode::kInvalidArgument, {"sample: ", part}, [&] { backend.sample(LogitType::kFloat32, wrong); });
  };
  refused("sequences.slot_count is -1", [](SequenceTable& t) { t.slot_count = -1; });
  refused("sequences.capacity is -1", [](SequenceTable& t) { t.capacity = -1; });
  refused("sequences.tokens without lengths", [&](SequenceTable& t) { t.tokens = &token; });
}

}  // namespace fllm::test
