// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string>
#include <vector>

#include "apps/bench/benchmarks.h"
#include "apps/bench/measure.h"
#include "apps/bench/normal_values.h"
#include "cuda/backend/backend.h"

namespace fllm::bench {
namespace {

constexpr std::int32_t kHistory = 500;  // distinct ids with penalties
constexpr float kPeaked = 4;            // standard deviation of peaked rows; others have 1

struct Case {
  std::string name;
  RowSampling sampling;
  bool peaked = false;
};

RowSampling filters(std::int32_t top_k, double top_p) {
  RowSampling row;
  row.seed = 1;
  row.top_k = top_k;
  row.top_p_on = top_p < 1 ? 1 : 0;
  row.top_p = row.top_p_on != 0 ? static_cast<std::uint32_t>(top_p * 0x1p32) : 0;
  return row;
}

RowSampling with_penalties(RowSampling row) {
  row.repetition_penalty = 1.1f;
  row.frequency_penalty = 0.2f;
  row.presence_penalty = 0.1f;
  row.counts = {0, kHistory};
  return row;
}

RowSampling all_filters() {
  RowSampling row = with_penalties(filters(50, 0.9));
  row.temperature = 0.8f;
  row.min_mass = static_cast<Mass>(0.02 * 0x1p40);
  return row;
}

std::vector<Case> cases() {
  return {{"greedy", filters(1, 1)},
          {"neutral", filters(0, 1)},
          {"top-p 0.9", filters(0, 0.9)},
          {"top-p 0.9, peaked rows", filters(0, 0.9), true},
          {"top-k 50 + top-p 0.9", filters(50, 0.9)},
          {"top-k 50 + top-p 0.9 + penalties", with_penalties(filters(50, 0.9))},
          {"all filters", all_filters()}};
}

}  // namespace

void bench_sampler(const SamplerBench& options) {
  const auto backend = make_backend({.device = "cpu", .threads = options.threads});
  const auto rows = static_cast<std::size_t>(options.rows), vocab = static_cast<std::size_t>(options.vocab);
  std::vector<CountEntry> counts;
  counts.reserve(kHistory);
  for (std::int32_t i = 0; i < kHistory; ++i) {
    counts.push_back({i * (options.vocab / kHistory), 1 + static_cast<std::uint32_t>(i) % 3, 1});
  }
  std::vector<float> values = normal_values(rows * vocab);
  DeviceArray<float> logits(*backend, values.size());
  DeviceArray<float> peaked(*backend, values.size());
  logits.upload(values);
  for (float& value : values) value *= kPeaked;
  peaked.upload(values);
  DeviceArray<CountEntry> device_counts(*backend, kHistory);
  DeviceArray<RowSampling> sampling(*backend, rows);
  DeviceArray<std::int32_t> tokens(*backend, rows);
  DeviceArray<std::uint32_t> status(*backend, rows);
  device_counts.upload(counts);

  SampleParams params;
  params.stride = options.vocab;
  params.rows = options.rows;
  params.vocab = options.vocab;
  params.sampling = sampling.data();
  params.counts = device_counts.data();
  params.tokens = tokens.data();
  params.status = status.data();
  for (const Case& item : cases()) {
    params.logits = item.peaked ? peaked.data() : logits.data();
    std::vector<RowSampling> each(rows, item.sampling);
    const Timing timing = measure(options.runs, [&] {
      for (std::size_t row = 0; row < rows; ++row) {
        ++each[row].random.position;
        each[row].random.sample = static_cast<std::uint32_t>(row);
      }
      sampling.upload(each);
      backend->sample(LogitType::kFloat32, params);
      backend->synchronize();
    });
    report(item.name, backend->description(), timing);
  }
}

}  // namespace fllm::bench
