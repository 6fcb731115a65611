// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "apps/bench/benchmarks.h"
#include "apps/bench/measure.h"
#include "cuda/backend/backend.h"

namespace fllm::bench {
namespace {

std::vector<float> normal_values(std::int64_t count) {
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = normal(generator);
  return values;
}

}  // namespace

void bench_product(const ProductBench& options) {
  const auto backend = make_backend({.device = "cpu", .threads = options.threads});
  const std::int64_t rows = options.rows, out = options.out, in = options.in;
  const auto weight = backend->make_linear(normal_values(out * in), options.out, options.in);
  DeviceArray<float> x(*backend, static_cast<std::size_t>(rows * in));
  DeviceArray<float> y(*backend, static_cast<std::size_t>(rows * out));
  x.upload(normal_values(rows * in));
  const LinearParams params{{x.data(), options.rows, options.in, in},
                            weight.get(),
                            nullptr,
                            Epilogue::kBias,
                            {y.data(), options.rows, options.out, out}};
  const Timing timing = measure(options.runs, [&] { backend->linear(params); });
  std::cout << nlohmann::json{{"what", "product"},
                              {"backend", backend->description()},
                              {"seconds", timing.minimum_seconds},
                              {"median_seconds", timing.median_seconds}}
            << '\n';
}

}  // namespace fllm::bench
