// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/engine/engine_runner.h"
#include "tests/engine/speculating_requests.h"
#include "tests/support/deferred_backend.h"

namespace fllm::test {

/// A device, and an engine on it that drafts; draft_model: empty: its texts are all it has to guess from.
struct DraftingMachine {
  DraftingMachine(const EngineLimits& limits, std::int32_t operations_per_poll, const char* draft_model = kSmallModel,
                  const char* model = kBundledModel)
      : cpu(make_backend({.device = "cpu", .threads = 1})),
        device(*cpu, operations_per_poll),
        runner(std::make_unique<EngineRunner>(device, limits, model, draft_model)) {}

  std::unique_ptr<Backend> cpu;
  DeferredBackend device;
  std::unique_ptr<EngineRunner> runner;
};

/// Requests that the device may go on with by itself, but for some at the end.
inline std::vector<Request> drafting_requests(int count, SpeculationRule rule) {
  std::vector<Request> requests;
  for (int i = 0; i < count; ++i) {
    Request& request = requests.emplace_back(varied_request(i));
    if (i < count * 3 / 4) {
      request.logprobs = -1;
      request.sampling.penalty_window = 0;
    }
    if (i % 8 == 5) continue;  // without
    request.speculation = SpeculationOptions{.rule = rule, .draft_tokens = i % 6};
    if (i % 3 == 1) request.speculation->prompt_lookup = 1 + i % 4;
    if (i % 3 == 2) request.speculation->draft_forced = request.control.can_force();
  }
  return requests;
}

/// A result, and what came of its drafts.
inline std::string all_and_counts_of(const Completion& completion) {
  std::string text = all_of(completion);
  if (!completion.speculation) return text;
  const SpeculationStats& stats = *completion.speculation;
  for (const std::int64_t count :
       {stats.steps, stats.drafted_steps, stats.drafted_tokens, stats.accepted_tokens, stats.tokens}) {
    text += ' ' + std::to_string(count);
  }
  return text;
}

}  // namespace fllm::test
