// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "fundamentallm/generator.h"
#include "tests/support/fewer.h"

namespace fllm::test {

constexpr const char* kBundledModel = "apps/models/shakespeare";
/// Where no text is known beforehand: sanitized programs learn as much from a tenth of the parameters.
constexpr const char* kSomeModel = kFewer == 1 ? kBundledModel : "apps/models/shakespeare/draft";

inline Generator open_on_cpu(const char* model, EngineOptions options) {
  options.device = "cpu";
  return Generator::open(model, options).value();
}

inline Generator open_bundled(EngineOptions options = {}) { return open_on_cpu(kBundledModel, std::move(options)); }

inline Generator open_some(EngineOptions options = {}) { return open_on_cpu(kSomeModel, std::move(options)); }

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
