// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "fundamentallm/generator.h"

namespace fllm::test {

/// Sanitized programs run many times slower and learn nothing more from the hundredth request.
#if defined(FLLM_SANITIZED)
constexpr int kFewer = 5;
#else
constexpr int kFewer = 1;
#endif

constexpr const char* kBundledModel = "apps/models/shakespeare";

inline Generator open_bundled(EngineOptions options = {}) {
  options.device = "cpu";
  return Generator::open(kBundledModel, options).value();
}

/// A request with a fixed seed.
inline Request request_for(const std::string& prompt, std::int32_t max_tokens = 40) {
  Request request;
  request.prompt = prompt;
  request.sampling.seed = 7;
  request.length.max_tokens = max_tokens;
  return request;
}

inline Sample only_sample(Generator& generator, Request request) {
  Completion completion = generator.generate(std::move(request)).value();
  return std::move(completion.samples.at(0));
}

/// Steps until every request has ended.
inline std::vector<StepEvent> run_to_the_end(Generator& generator) {
  std::vector<StepEvent> all;
  while (!generator.idle()) {
    for (StepEvent& event : generator.step().value()) all.push_back(std::move(event));
  }
  return all;
}

}  // namespace fllm::test
