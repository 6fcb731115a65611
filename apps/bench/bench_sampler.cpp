// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "apps/bench/benchmarks.h"
#include "apps/bench/measure.h"
#include "apps/bench/normal_values.h"
#include "cuda/backend/backend.h"

namespace fllm::bench {
namespace {

constexpr std::int32_t kVocab = 128256;
constexpr std::int32_t kHistory = 500;  // distinct ids with penalties

struct Case {
  std::string name;
  RowSampling sampling;
};

RowSampling filters(std::int32_t top_k, double top_p) {
  RowSampling row;
  row.seed = 1;
  row.top_k = top_k;
  row.top_p_on = top_p < 1 ? 1 : 0;
  row.top_p = row.top_p_on != 0 ? static_cast<std::uint32_t>(top_p * 0x1p32) : 0;
  return row;
}

std::vector<Case> cases() {
  std::vector<Case> all{{"greedy", filters(1, 1)},
                        {"neutral", filters(0, 1)},
                        {"top-p 0.9", filters(0, 0.9)},
                        {"top-k 50 + top-p 0.9", filters(50, 0.9)},
                        {"top-k 50 + top-p 0.9 + penalties", filters(50, 0.9)}};
  RowSampling& penalised = all.back().sampling;
  penalised.repetition_penalty = 1.1f;
  penalised.frequency_penalty = 0.2f;
  penalised.presence_penalty = 0.1f;
  penalised.counts = {0, kHistory};
  return all;
}

}  // namespace

void bench_sampler(int runs) {
  const auto backend = make_backend({.device = "cpu", .threads = 1});
  std::vector<CountEntry> counts;
  counts.reserve(kHistory);
  for (std::int32_t i = 0; i < kHistory; ++i) counts.push_back({i * 256, 1 + static_cast<std::uint32_t>(i) % 3, 1});

  DeviceArray<float> device_logits(*backend, kVocab);
  DeviceArray<CountEntry> device_counts(*backend, kHistory);
  DeviceArray<RowSampling> sampling(*backend, 1);
  DeviceArray<std::int32_t> token(*backend, 1);
  DeviceArray<std::uint32_t> status(*backend, 1);
  device_logits.upload(normal_values(kVocab));
  device_counts.upload(counts);

  SampleParams params;
  params.logits = device_logits.data();
  params.stride = kVocab;
  params.rows = 1;
  params.vocab = kVocab;
  params.sampling = sampling.data();
  params.counts = device_counts.data();
  params.tokens = token.data();
  params.status = status.data();
  for (Case& item : cases()) {
    const Timing timing = measure(runs, [&] {
      ++item.sampling.random.position;
      sampling.upload({&item.sampling, 1});
      backend->sample(LogitType::kFloat32, params);
      backend->synchronize();
    });
    std::cout << nlohmann::json{{"what", "sample " + item.name},
                                {"shape", "1 x 128256 fp32"},
                                {"backend", backend->description()},
                                {"seconds", timing.minimum_seconds},
                                {"median_seconds", timing.median_seconds}}
              << '\n';
  }
}

}  // namespace fllm::bench
