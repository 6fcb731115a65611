// SPDX-License-Identifier: Apache-2.0
#include "tests/support/sample_suite.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "tests/support/sample_cases.h"

namespace fllm::test {
namespace {

constexpr std::array<std::int32_t, 4> kTopCounts = {0, 1, 5, 32};

bool failed() { return ::testing::Test::HasFailure(); }

BatchLayout random_layout(std::int32_t vocab, Random& random) {
  constexpr std::array<std::int32_t, 5> kGaps = {0, 1, 5, 8, 64};
  BatchLayout layout;
  layout.type = kTypes[random() % kTypes.size()];
  layout.vocab = vocab;
  layout.base_offset = static_cast<std::int32_t>(random() % 8);
  layout.stride_gap = kGaps[random() % kGaps.size()];
  layout.inject_uniforms = random() % 2 == 0;
  layout.want_status = random() % 4 != 0;
  layout.want_details = random() % 4 != 0;
  layout.want_probabilities = random() % 2 == 0;
  layout.top_count = kTopCounts[random() % kTopCounts.size()];
  return layout;
}

/// Rows that select the ends of kept ids' intervals, and the ids they must give.
struct IntervalRows {
  std::vector<RowCase> rows;
  std::vector<std::int32_t> ids;
};

IntervalRows interval_rows(const OracleDistribution& row, const RowCase& parameters, std::int32_t id_limit) {
  IntervalRows result;
  const auto add = [&](std::uint64_t uniform, std::size_t id) {
    result.rows.push_back(parameters);
    result.rows.back().uniform = uniform;
    result.ids.push_back(static_cast<std::int32_t>(id));
  };
  std::uint64_t begin = 0;
  std::int32_t seen = 0;
  for (std::size_t id = 0; id < row.mass.size(); ++id) {
    if (row.mass[id] == 0) continue;
    if (seen++ % (row.kept_count / id_limit + 1) == 0 || seen == row.kept_count) {
      add(uniforms_selecting(begin, row.kept_mass).first, id);
      add(uniforms_selecting(begin + row.mass[id] - 1, row.kept_mass).last, id);
    }
    begin += row.mass[id];
  }
  return result;
}

void check_interval_ends(Backend& backend, const LogitShape& shape, const RowCase& parameters, std::int32_t vocab,
                         Random& random) {
  const BatchLayout layout{.type = kTypes[random() % kTypes.size()], .vocab = vocab};
  const std::vector<float> logits = shape.make(vocab, random);
  SampleBatch one(layout);
  one.add(logits, parameters);
  const OracleDistribution row = oracle_distribution(layout.type, one.host_params(), 0);
  if (row.greedy || row.kept_count == 0) return;
  const IntervalRows ends = interval_rows(row, parameters, 100);
  SampleBatch batch(layout);
  for (const RowCase& end : ends.rows) batch.add(logits, end);
  const SampleOutput output = run_batch(backend, batch);
  for (std::int32_t i = 0; i < batch.rows() && !failed(); ++i) {
    EXPECT_EQ(output.tokens[static_cast<std::size_t>(i)], ends.ids[static_cast<std::size_t>(i)])
        << shape.name << ", " << batch.describe(i);
  }
}

}  // namespace

void run_filter_grid(Backend& backend, SuiteSize size) {
  Random random(1);
  constexpr std::array<std::int32_t, 12> kVocabs = {1, 2, 3, 31, 32, 33, 69, 1000, 1023, 1024, 1025, 4097};
  for (const std::int32_t vocab : kVocabs) {
    // Of the 320 combinations: all on short rows; on longer ones a part of them for each shape, all of them over the shapes.
    const std::uint64_t full = vocab <= 69 ? 1 : vocab <= 1025 ? 3 : 12;
    const std::uint64_t part = size == SuiteSize::kFull ? full : size == SuiteSize::kFast ? 240 : 720;
    for (const LogitShape& shape : logit_shapes()) {
      SCOPED_TRACE(shape.name);
      BatchLayout layout = random_layout(vocab, random);
      layout.inject_uniforms = layout.want_details = layout.want_status = true;
      SampleBatch batch(layout);
      const std::vector<float> logits = shape.make(vocab, random);
      for (const RowCase& row : filter_grid(vocab, random)) {
        if (random() % part == 0) batch.add(logits, row);
      }
      if (batch.rows() > 0) expect_oracle(backend, batch);
      if (failed()) return;
    }
  }
}

void run_mixed_rows(Backend& backend, SuiteSize size) {
  Random random(2);
  const bool full = size == SuiteSize::kFull;
  for (std::int32_t i = 0; i < (full ? 600 : size == SuiteSize::kFast ? 16 : 8) && !failed(); ++i) {
    const std::int32_t vocab = mixed_vocab(i, full ? 5000 : 1100, random);
    const BatchLayout layout = random_layout(vocab, random);
    expect_oracle(backend, mixed_batch(layout, full ? 16 : 8, random));
  }
}

void run_exact_top_p(Backend& backend) {
  const BatchLayout layout{.vocab = 3};
  SampleBatch batch(layout);
  for (int i = 0; i < 20000; ++i) {
    const std::vector<float> logits = {0.0f, -0.2f - 1e-5f * static_cast<float>(i), -1.0f};
    RowCase row;
    SampleBatch neutral(layout);
    neutral.add(logits, row);
    const OracleDistribution all = oracle_distribution(layout.type, neutral.host_params(), 0);
    const unsigned __int128 first = all.mass[0], total = all.kept_mass;
    const unsigned __int128 p = (first << 32) / total + 1;  // the first id's mass is less than p of the total ...
    if (((p * total) >> 32) > first) continue;              // ... by less than one unit
    row.sampling.top_p_on = 1;
    row.sampling.top_p = static_cast<std::uint32_t>(p);
    batch.add(logits, row);
    row.sampling.top_p = static_cast<std::uint32_t>(p - 1);
    batch.add(logits, row);
  }
  ASSERT_GE(batch.rows(), 20);
  expect_oracle(backend, batch);
}

void run_edited_rows(Backend& backend, SuiteSize size) {
  Random random(8);
  const auto between = [&random](double low, double high) {
    return static_cast<float>(low + (high - low) * static_cast<double>(random() >> 11) * 0x1p-53);
  };
  const std::int32_t vocab = 150;
  for (const LogitType type : kTypes) {
    SampleBatch batch({.type = type, .vocab = vocab, .want_probabilities = true});
    for (int i = 0; i < (size == SuiteSize::kFull ? 200 : 10); ++i) {
      std::vector<float> logits;
      RowCase row;
      row.sampling.repetition_penalty = between(0.5, 2);
      row.sampling.frequency_penalty = between(-0.2, 0.2);
      row.sampling.presence_penalty = between(-2, 2);
      row.uniform = random();
      for (std::int32_t id = 0; id < vocab; ++id) {
        logits.push_back(between(-3, 3));
        if (random() % 4 != 0) row.bias.push_back({id, between(-1, 1)});
        const auto repeated = static_cast<std::uint32_t>(random() % 2);
        if (random() % 4 != 0) row.counts.push_back({id, static_cast<std::uint32_t>(random() % 20), repeated});
      }
      batch.add(logits, row);
    }
    expect_oracle(backend, batch);
    if (failed()) return;
  }
}

void run_signed_zeros(Backend& backend) {
  constexpr std::int32_t kPenalised = 5, kRaw = 9;
  for (const float temperature : {0.0f, 1.0f}) {
    SampleBatch batch({.vocab = 40});
    for (const float zero : {0.0f, -0.0f}) {
      std::vector<float> logits(40, -1.0f);
      logits[kPenalised] = -0x1p-149f;  // half of it rounds to -0
      logits[kRaw] = zero;
      RowCase row;
      row.sampling.temperature = temperature;
      row.sampling.top_k = 1;
      row.sampling.repetition_penalty = 0.5f;
      row.counts.push_back({kPenalised, 0, 1});
      batch.add(logits, row);
    }
    EXPECT_EQ(batch.oracle(0).token, kPenalised);  // the lower id of a tie
    expect_oracle(backend, batch);
  }
}

void run_infinities(Backend& backend) {
  constexpr std::int32_t kVocab = 300;
  for (const std::int32_t first : {0, 7, 299}) {
    SampleBatch batch({.vocab = kVocab, .want_probabilities = true, .top_count = 5});
    std::vector<float> logits(kVocab, 1.0f);
    std::fill(logits.begin() + first, logits.end(), std::numeric_limits<float>::infinity());
    batch.add(logits, {});
    RowCase banned;  // the raw distribution still has its +inf
    banned.bans.push_back(first);
    batch.add(logits, banned);
    expect_oracle(backend, batch);
  }
}

void run_large_rows(Backend& backend, SuiteSize size) {
  Random random(3);
  if (size == SuiteSize::kFast) {
    expect_oracle(backend, mixed_batch(random_layout(4099, random), 4, random));
    for (const LogitShape& shape : logit_shapes()) {  // from 32,769 ids on, a tile is wider than a warp
      SCOPED_TRACE(shape.name);
      const auto vocab = static_cast<std::int32_t>(33000 + random() % 2000);
      SampleBatch batch(random_layout(vocab, random));
      const std::vector<float> logits = shape.make(vocab, random);
      batch.add(logits, random_case(vocab, random));
      RowCase greedy;
      greedy.sampling.temperature = 0;
      batch.add(logits, greedy);
      expect_oracle(backend, batch);
      if (failed()) return;
    }
    return;
  }
  for (const std::int32_t vocab : {50257, 128256, 262144}) {
    for (const LogitShape& shape : logit_shapes()) {
      SCOPED_TRACE(shape.name);
      SampleBatch batch(random_layout(vocab, random));
      const std::vector<float> logits = shape.make(vocab, random);
      for (std::int32_t row = 0; row < 6; ++row) {
        RowCase parameters = random_case(vocab, random);
        if (row >= 4) add_random_edits(parameters, logits, random);
        batch.add(logits, parameters);
      }
      expect_oracle(backend, batch);
      if (failed()) return;
    }
  }
  expect_oracle(backend, mixed_batch(random_layout(1 << 20, random), 8, random));
  SampleBatch flat({.vocab = 1 << 20});  // the largest sums there are
  for (const double top_p : {1.0, 0.5, 1 - 0x1p-32}) {
    RowCase row;
    set_top_p(row.sampling, top_p);
    row.uniform = ~std::uint64_t{0};
    flat.add(std::vector<float>(1 << 20, -1.0f), row);
  }
  expect_oracle(backend, flat);
}

void run_gapped_rows(Backend& backend) {
  struct Gaps {
    std::int32_t period, width;
  };
  Random random(9);
  constexpr std::int32_t kVocab = 8192;
  for (const Gaps& gaps : {Gaps{32, 4}, Gaps{1024, 256}}) {
    for (const LogitType type : kTypes) {
      SampleBatch batch({.type = type, .vocab = kVocab});
      std::vector<float> logits;
      logits.reserve(kVocab);
      for (std::int32_t id = 0; id < kVocab; ++id) {
        logits.push_back(id % gaps.period < gaps.width ? -30.0f : static_cast<float>(unit(random)));
      }
      for (const double top_p : {0.5, 0.95}) {
        RowCase row;
        set_top_p(row.sampling, top_p);
        row.uniform = random();
        batch.add(logits, row);
      }
      expect_oracle(backend, batch);
      if (failed()) return;
    }
  }
}

void run_interval_ends(Backend& backend, SuiteSize size) {
  Random random(4);
  const bool full = size == SuiteSize::kFull;
  constexpr std::array<std::int32_t, 5> kVocabs = {3, 33, 257, 1025, 4097};
  for (std::size_t i = 0; i < (full ? kVocabs.size() : 2); ++i) {
    for (const LogitShape& shape : logit_shapes()) {
      for (int kind = 0; kind < (full ? 4 : 1); ++kind) {
        RowCase parameters;
        if (kind == 1) parameters.sampling.top_k = 40;
        if (kind == 2) set_top_p(parameters.sampling, 0.95);
        if (kind == 3) set_min_p(parameters.sampling, 1e-9);
        check_interval_ends(backend, shape, parameters, kVocabs[i], random);
        if (failed()) return;
      }
    }
  }
}

void run_random_bits(Backend& backend, SuiteSize size) {
  Random random(5);
  SampleBatch batch({.vocab = 211, .inject_uniforms = false});
  const std::vector<float> logits(211, 0.25f);
  const auto add = [&](std::uint64_t seed, const RandomCounter& counter) {
    RowCase row;
    row.sampling.seed = seed;
    row.sampling.random = counter;
    batch.add(logits, row);
  };
  for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{7}, std::uint64_t{1} << 32, ~std::uint64_t{0}}) {
    for (const std::uint32_t stream : {0u, 1u, 2u, 3u, 4u}) {
      for (const std::uint32_t word : {0u, 1u, 0x80000000u, ~0u}) {
        add(seed, {word, 0, static_cast<RandomStream>(stream), 0});
        add(seed, {0, word, static_cast<RandomStream>(stream), 0});
        add(seed, {5, 3, static_cast<RandomStream>(stream), word});
      }
    }
  }
  for (int i = 0; i < (size == SuiteSize::kFull ? 2000 : 50); ++i) {
    add(random(), {static_cast<std::uint32_t>(random()), static_cast<std::uint32_t>(random()),
                   static_cast<RandomStream>(random() % 5), static_cast<std::uint32_t>(random())});
  }
  expect_oracle(backend, batch);
}

void run_row_invariance(Backend& backend, SuiteSize size) {
  Random random(6);
  const bool full = size == SuiteSize::kFull;
  for (std::int32_t i = 0; i < (full ? 40 : 2) && !failed(); ++i) {
    const auto vocab = static_cast<std::int32_t>(1 + random() % (full ? 3000 : 300));
    const SampleBatch batch = mixed_batch(random_layout(vocab, random), full ? 37 : 7, random);
    const SampleOutput together = run_batch(backend, batch);
    std::vector<std::int32_t> order(static_cast<std::size_t>(batch.rows()));
    std::iota(order.begin(), order.end(), 0);
    const auto compare = [&](const char* what) {
      const SampleOutput output = run_batch(backend, batch.permuted(order));
      for (std::size_t place = 0; place < order.size() && !failed(); ++place) {
        EXPECT_TRUE(same_row(batch, together, order[place], output, static_cast<std::int32_t>(place)))
            << what << ", place " << place << ": " << batch.describe(order[place]);
      }
    };
    compare("the same launch again");
    std::reverse(order.begin(), order.end());
    compare("reversed");
    std::shuffle(order.begin(), order.end(), random);
    compare("shuffled");
    order.resize((order.size() + 1) / 2);
    compare("half of the rows, other neighbours");
    order.insert(order.end(), order.begin(), order.end());
    compare("every row twice");
    for (std::int32_t row = 0; row < std::min(batch.rows(), 8); ++row) {
      order.assign(1, row);
      compare("alone");
    }
  }
}

}  // namespace fllm::test
