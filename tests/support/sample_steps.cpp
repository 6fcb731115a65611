// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/support/guarded_array.h"
#include "tests/support/sample_batch.h"
#include "tests/support/sample_cases.h"
#include "tests/support/sample_suite.h"
#include "tests/support/special_floats.h"

namespace fllm::test {
namespace {

float between(double low, double high, Random& random) {
  return static_cast<float>(low + (high - low) * static_cast<double>(random() >> 11) * 0x1p-53);
}

float one_of(std::initializer_list<float> values, Random& random) { return values.begin()[random() % values.size()]; }

/// What docs/sampling.md says of values outside their range.
float read_as(float value, float low, float high, float otherwise) {
  return std::isnan(value) ? otherwise : std::clamp(value, low, high);
}

/// One array a parameter, and the row parameters they stand for.
struct Arrays {
  std::vector<float> temperature, top_p, min_p, repetition, frequency, presence;
  std::vector<std::int32_t> top_k, fallback, mask_row, slot, min_tokens, generated, ban_offsets{0}, end_offsets{0},
      bias_offsets{0};
  std::vector<std::uint64_t> seed;
  std::vector<std::uint32_t> position, sample;

  void add(RowCase& row, std::int32_t vocab, Random& random) {
    RowSampling& s = row.sampling;
    temperature.push_back(
        one_of({0, 1, kNan, -3, kInfinity, between(0.1, 3, random), between(0.1, 3, random)}, random));
    s.temperature = read_as(temperature.back(), 0, kLargest, 1);
    top_k.push_back(random() % 2 == 0 ? static_cast<std::int32_t>(random() % 60) - 3 : 0);
    s.top_k = top_k.back();
    top_p.push_back(one_of({1, kNan, -1, 0, 2, between(0, 1, random), between(0, 1, random)}, random));
    const double p = read_as(top_p.back(), 0, 1, 1);
    s.top_p_on = p < 1 ? 1 : 0;
    s.top_p = p < 1 ? static_cast<std::uint32_t>(std::floor(std::ldexp(p, 32))) : 0;
    min_p.push_back(one_of({0, kNan, -1, 2, 1, 1e-30f, between(0, 0.2, random), between(0, 1e-6, random)}, random));
    s.min_mass = static_cast<Mass>(std::ceil(std::ldexp(double{read_as(min_p.back(), 0, 1, 0)}, 40)));
    repetition.push_back(one_of({1, kNan, 0, kInfinity, between(0.5, 2, random), between(0.5, 2, random)}, random));
    s.repetition_penalty = read_as(repetition.back(), 0x1p-126f, kLargest, 1);
    frequency.push_back(one_of({0, kNan, 5, -5, between(-2, 2, random)}, random));
    s.frequency_penalty = read_as(frequency.back(), -2, 2, 0);
    presence.push_back(one_of({0, kNan, 5, -5, between(-2, 2, random)}, random));
    s.presence_penalty = read_as(presence.back(), -2, 2, 0);
    fallback.push_back(s.fallback_id = static_cast<std::int32_t>(random() % static_cast<unsigned>(vocab)));
    min_tokens.push_back(s.min_tokens = static_cast<std::int32_t>(random() % 3));
    generated.push_back(s.generated = static_cast<std::int32_t>(random() % 3));
    seed.push_back(s.seed = random());
    position.push_back(s.random.position = static_cast<std::uint32_t>(random()));
    sample.push_back(s.random.sample = static_cast<std::uint32_t>(random() % 5));
    ban_offsets.push_back(ban_offsets.back() + static_cast<std::int32_t>(row.bans.size()));
    end_offsets.push_back(end_offsets.back() + static_cast<std::int32_t>(row.end_ids.size()));
    bias_offsets.push_back(bias_offsets.back() + static_cast<std::int32_t>(row.bias.size()));
  }
};

/// Arrays in a backend's memory, kept as long as this lives.
class Uploads {
 public:
  explicit Uploads(Backend& backend) : backend_(backend) {}

  template <class T>
  T* operator()(const std::vector<T>& values) {
    arrays_.emplace_back(backend_, std::max<std::size_t>(1, values.size() * sizeof(T)));
    if (!values.empty()) backend_.upload(arrays_.back().data(), values.data(), values.size() * sizeof(T));
    return reinterpret_cast<T*>(arrays_.back().data());
  }

 private:
  Backend& backend_;
  std::vector<DeviceArray<unsigned char>> arrays_;
};

/// The rows' counts as histories in slots of another order; rows without counts have a slot that is none.
HistoryTable upload_histories(Uploads& upload, const std::vector<RowCase>& rows, std::vector<std::int32_t>& slots) {
  constexpr std::int32_t kCapacity = 210;
  const auto count = static_cast<std::int32_t>(rows.size());
  std::vector<CountEntry> entries(static_cast<std::size_t>(count * kCapacity), CountEntry{0, 1000, 1});
  std::vector<std::int32_t> sizes(rows.size(), 0);
  for (std::int32_t i = 0; i < count; ++i) {
    const RowCase& row = rows[static_cast<std::size_t>(i)];
    const std::int32_t slot = count - 1 - i;
    slots.push_back(row.counts.empty() ? (i % 2 == 0 ? -1 : count) : slot);
    std::copy(row.counts.begin(), row.counts.end(), entries.begin() + slot * kCapacity);
    sizes[static_cast<std::size_t>(slot)] = static_cast<std::int32_t>(row.counts.size());
  }
  return {upload(entries), upload(sizes), kCapacity, count};
}

}  // namespace

void run_parameter_arrays(Backend& backend, SuiteSize size) {
  Random random(11);
  for (int i = 0; i < (size == SuiteSize::kFull ? 60 : 4) && !::testing::Test::HasFailure(); ++i) {
    const auto vocab = static_cast<std::int32_t>(5 + random() % 500);
    SampleBatch batch({.vocab = vocab, .inject_uniforms = false, .top_count = 3});
    std::vector<RowCase> rows;
    Arrays arrays;
    for (int r = 0; r < 16; ++r) {
      const std::vector<float> logits = logit_shapes()[random() % logit_shapes().size()].make(vocab, random);
      RowCase row;
      add_random_edits(row, logits, random);
      (i % 2 == 0 ? row.bans : row.end_ids).clear();  // an array of offsets needs lists without gaps
      arrays.add(row, vocab, random);
      batch.add(logits, row);
      rows.push_back(row);
      arrays.mask_row.push_back(batch.host_params().sampling[r].mask_row);
    }
    Uploads upload(backend);
    std::vector<std::int32_t> slots;
    const HistoryTable history = upload_histories(upload, rows, slots);
    expect_oracle(backend, batch, [&](SampleParams& p) {
      p.sampling = nullptr;
      p.counts = nullptr;
      p.history = history;
      p.arrays = {.temperatures = upload(arrays.temperature),
                  .top_ks = upload(arrays.top_k),
                  .top_ps = upload(arrays.top_p),
                  .min_ps = upload(arrays.min_p),
                  .repetition_penalties = upload(arrays.repetition),
                  .frequency_penalties = upload(arrays.frequency),
                  .presence_penalties = upload(arrays.presence),
                  .fallback_ids = upload(arrays.fallback),
                  .mask_rows = upload(arrays.mask_row),
                  .ban_offsets = i % 2 == 0 ? nullptr : upload(arrays.ban_offsets),
                  .end_id_offsets = i % 2 == 0 ? upload(arrays.end_offsets) : nullptr,
                  .bias_offsets = upload(arrays.bias_offsets),
                  .history_slots = upload(slots),
                  .min_tokens = upload(arrays.min_tokens),
                  .generated = upload(arrays.generated),
                  .seeds = upload(arrays.seed),
                  .positions = upload(arrays.position),
                  .sample_indices = upload(arrays.sample)};
    });
  }
  SampleBatch neutral({.vocab = 50, .inject_uniforms = false});  // no arrays at all: the defaults
  for (int r = 0; r < 3; ++r) neutral.add(logit_shapes()[0].make(50, random), {});
  expect_oracle(backend, neutral, [](SampleParams& p) {
    p.sampling = nullptr;
    p.allow_mask = nullptr;
  });
}

void run_advancing_steps(Backend& backend, const std::function<void(LogitType, const SampleParams&)>& launch,
                         std::int32_t top_k) {
  constexpr std::int32_t kRows = 5, kVocab = 40, kCapacity = 6, kSteps = 12, kEnd = 3;
  Random random(12);
  std::vector<float> logits(static_cast<std::size_t>(kRows) * kVocab);
  for (float& logit : logits) logit = between(-2, 2, random);
  std::vector<RowCase> rows(kRows);
  std::vector<CountEntry> entries(kRows * kCapacity, CountEntry{0, 0, 0});
  for (std::int32_t r = 0; r < kRows; ++r) {
    RowSampling& s = rows[static_cast<std::size_t>(r)].sampling;
    s.temperature = r == 0 ? 0 : 1;  // the first row is greedy: only its penalties make it move on
    s.top_k = top_k;
    s.repetition_penalty = 1.5f;
    s.frequency_penalty = 0.75f;
    s.presence_penalty = 0.5f;
    s.min_tokens = 4;
    s.seed = 100 + static_cast<std::uint64_t>(r);
    s.random.position = 7;
    rows[static_cast<std::size_t>(r)].end_ids = {kEnd};
    const CountEntry prompt{static_cast<std::int32_t>(random() % kVocab), 0, 1};
    rows[static_cast<std::size_t>(r)].counts = {prompt};
    entries[static_cast<std::size_t>(r) * kCapacity] = prompt;
  }
  Uploads upload(backend);
  const auto each = [&upload](auto value) { return upload(std::vector<decltype(value)>(kRows, value)); };
  std::vector<std::uint64_t> seeds;
  std::vector<std::int32_t> slots, end_offsets{0};
  std::vector<float> temperatures(kRows, 1.0f);
  temperatures[0] = 0;
  for (std::int32_t r = 0; r < kRows; ++r) {
    seeds.push_back(100 + static_cast<std::uint64_t>(r));
    slots.push_back(r);
    end_offsets.push_back(r + 1);
  }
  const GuardedArray<std::int32_t> tokens(backend, kRows);
  const GuardedArray<std::uint32_t> status(backend, kRows);
  SampleParams p;
  p.logits = upload(logits);
  p.stride = p.vocab = kVocab;
  p.rows = kRows;
  p.ban_ids = upload(std::vector<std::int32_t>(kRows, kEnd));
  p.history = {upload(entries), each(std::int32_t{1}), kCapacity, kRows};
  p.advance = 1;
  p.tokens = tokens.data();
  p.status = status.data();
  p.arrays.temperatures = upload(temperatures);
  p.arrays.top_ks = each(top_k);
  p.arrays.repetition_penalties = each(1.5f);
  p.arrays.frequency_penalties = each(0.75f);
  p.arrays.presence_penalties = each(0.5f);
  p.arrays.end_id_offsets = upload(end_offsets);
  p.arrays.history_slots = upload(slots);
  p.arrays.min_tokens = each(std::int32_t{4});
  p.arrays.generated = each(std::int32_t{0});
  p.arrays.seeds = upload(seeds);
  p.arrays.positions = each(std::uint32_t{7});

  bool moved = false;
  std::vector<std::int32_t> before;
  for (std::int32_t step = 0; step < kSteps; ++step) {
    SampleBatch batch({.vocab = kVocab, .inject_uniforms = false});
    for (std::int32_t r = 0; r < kRows; ++r) {
      batch.add(std::span(logits).subspan(static_cast<std::size_t>(r) * kVocab, kVocab),
                rows[static_cast<std::size_t>(r)]);
    }
    launch(LogitType::kFloat32, p);
    const std::vector<std::int32_t> drawn = tokens.download("tokens");
    const std::vector<std::uint32_t> told = status.download("status");
    for (std::int32_t r = 0; r < kRows; ++r) {
      const auto at = static_cast<std::size_t>(r);
      RowCase& row = rows[at];
      const std::int32_t want = batch.oracle(r).token;
      ASSERT_EQ(drawn[at], want) << "step " << step << ", " << batch.describe(r);
      const auto known =
          std::find_if(row.counts.begin(), row.counts.end(), [&](const CountEntry& e) { return e.id == want; });
      const bool full = known == row.counts.end() && row.counts.size() == kCapacity;
      EXPECT_EQ(told[at], full ? kSampleFull : kSampleOk) << "step " << step << ", row " << r;
      if (known != row.counts.end()) {
        known->output_count = known->output_count + 1;
      } else if (!full) {
        row.counts.push_back({want, 1, 1});
      }
      ++row.sampling.generated;
      ++row.sampling.random.position;
    }
    moved = moved || (!before.empty() && drawn != before);
    before = drawn;
  }
  EXPECT_TRUE(moved) << "every step drew the same tokens";
}

}  // namespace fllm::test
