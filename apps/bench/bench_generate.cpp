// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string>

#include "apps/bench/benchmarks.h"
#include "apps/bench/fixed_length.h"
#include "apps/bench/measure.h"

namespace fllm::bench {

void bench_generate(const GenerateBench& options) {
  Generator generator = open_on_cpu(options.model, options.threads);
  Request request = fixed_length_request(options.tokens);
  request.num_samples = options.rows;
  request.sampling.seed = 7;
  const Timing timing = measure(options.runs, [&] {
    const Completion completion = generator.generate(request).value();
    if (completion.usage.completion_tokens != std::int64_t{options.rows} * options.tokens) {
      throw Exception(ErrorCode::kInternal, "a row ended early: the rates would not compare");
    }
  });
  const double tokens = static_cast<double>(options.rows) * options.tokens;
  report("generate", generator.info().device, timing,
         {{"shape", std::to_string(options.rows) + " rows x " + std::to_string(options.tokens) + " tokens"},
          {"rows", options.rows},
          {"threads", options.threads},
          {"tokens_per_second", tokens / timing.median_seconds}});
}

}  // namespace fllm::bench
