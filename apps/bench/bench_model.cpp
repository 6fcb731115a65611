// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "apps/bench/benchmarks.h"
#include "apps/bench/fixed_length.h"
#include "fundamentallm/generator.h"

namespace fllm::bench {
namespace {

// As in scripts/peers/llama_speed.py, but for the tokens of a row, which are drawn here.
constexpr std::int32_t kPrompt = 512, kRows = 32, kTokens = 64, kSamples = 8;

/// count ids that begin with others than those of another first one.
std::vector<TokenId> ids(std::int32_t first, std::int32_t count) {
  std::vector<TokenId> made(static_cast<std::size_t>(count));
  std::iota(made.begin(), made.end(), 100 + first);
  return made;
}

Request request_of(std::vector<TokenId> prompt, std::int32_t tokens) {
  Request request;
  request.prompt = std::move(prompt);
  request.length.max_tokens = request.length.min_tokens = tokens;  // every row stays to the end
  request.sampling.seed = 7;
  return request;
}

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void run_batch(Generator& generator) {
  std::vector<RequestId> submitted;
  submitted.reserve(kRows);
  for (std::int32_t row = 0; row < kRows; ++row) {
    submitted.push_back(generator.submit(request_of(ids(10 * row, 4), kTokens)).value());
  }
  generator.drain().value();
  for (const RequestId id : submitted) (void)generator.take(id).value();
}

}  // namespace

void bench_model(const ModelBench& options) {
  EngineOptions engine = cpu_options(options.threads);
  engine.max_rows = kRows;
  engine.kv_cache_bytes = std::int64_t{1} << 30;
  engine.prefix_cache = false;  // every prompt is read anew
  Generator generator = Generator::open(options.model, engine).value();
  const Request prompt = request_of(ids(0, kPrompt), 1), one_row = request_of(ids(0, 4), kTokens + 1);
  Request samples = prompt;
  samples.num_samples = kSamples;

  double row = 1e300, batch = 1e300, alone = 1e300, together = 1e300;  // seconds, the least
  for (int run = 0; run <= options.runs; ++run) {                      // the first warms up
    const double decode = generator.generate(one_row).value().timing.decode_seconds;
    const double all = seconds_of([&] { run_batch(generator); });
    const double one = seconds_of([&] { (void)generator.generate(prompt).value(); });
    const double several = seconds_of([&] { (void)generator.generate(samples).value(); });
    if (run == 0) continue;
    row = std::min(row, decode), batch = std::min(batch, all);
    alone = std::min(alone, one), together = std::min(together, several);
  }
  const auto print = [](const char* what, std::int32_t rows, double rate) {
    std::cout << nlohmann::json{{"what", what}, {"rows", rows}, {"rows_per_second", rate}} << '\n';
  };
  print("one row", 1, kTokens / row);
  print("prompt", kPrompt, kPrompt / alone);
  print("batch", kRows, static_cast<double>(kRows) * kTokens / batch);
  std::cout << nlohmann::json{{"what", "samples"}, {"samples", kSamples}, {"over_one", together / alone}} << '\n';
}

}  // namespace fllm::bench
