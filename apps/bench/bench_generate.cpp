// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

#include "apps/bench/benchmarks.h"
#include "apps/bench/measure.h"
#include "fundamentallm/generator.h"

namespace fllm::bench {

void bench_generate(const GenerateBench& options) {
  EngineOptions engine;
  engine.device = "cpu";
  engine.threads = options.threads;
  Generator generator = Generator::open(options.model, engine).value();
  Request request;
  request.prompt = std::string("ROMEO:");
  request.num_samples = options.rows;
  request.length.max_tokens = options.tokens;
  request.length.min_tokens = options.tokens;  // every row stays to the end, as the peer's do
  request.sampling.seed = 7;
  const Timing timing = measure(options.runs, [&] {
    const Completion completion = generator.generate(request).value();
    if (completion.usage.completion_tokens != std::int64_t{options.rows} * options.tokens) {
      throw Exception(ErrorCode::kInternal, "a row ended early: the rates would not compare");
    }
  });
  const double tokens = static_cast<double>(options.rows) * options.tokens;
  std::cout << nlohmann::json{{"what", "generate"},
                              {"shape",
                               std::to_string(options.rows) + " rows x " + std::to_string(options.tokens) + " tokens"},
                              {"rows", options.rows},
                              {"threads", options.threads},
                              {"backend", generator.info().device},
                              {"seconds", timing.minimum_seconds},
                              {"median_seconds", timing.median_seconds},
                              {"median_cpu_seconds", timing.median_cpu_seconds},
                              {"tokens_per_second", tokens / timing.median_seconds}}
            << '\n';
}

}  // namespace fllm::bench
