// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <iostream>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "apps/bench/benchmarks.h"
#include "apps/bench/fixed_length.h"
#include "apps/bench/measure.h"

namespace fllm::bench {
namespace {

struct Way {
  std::string name;
  std::optional<SpeculationOptions> speculation;
  double seconds = std::numeric_limits<double>::max();
  Completion completion;
};

std::vector<Way> ways(bool looks_up) {
  const std::int32_t lookup = looks_up ? 3 : 0;
  const auto way = [lookup](SpeculationRule rule, std::int32_t drafts) {
    return SpeculationOptions{.rule = rule, .draft_tokens = drafts, .prompt_lookup = lookup};
  };
  std::vector<Way> all;
  all.push_back({.name = "without", .speculation = std::nullopt, .completion = {}});
  all.push_back({.name = "coupled, 4", .speculation = way(SpeculationRule::kCoupled, 4), .completion = {}});
  all.push_back({.name = "coupled, auto", .speculation = way(SpeculationRule::kCoupled, 0), .completion = {}});
  all.push_back({.name = "ratio, 4", .speculation = way(SpeculationRule::kRatio, 4), .completion = {}});
  return all;
}

/// A text that a greedy model goes on repeating.
std::string repeating_text() {
  std::string text;
  for (int i = 0; i < 6; ++i)
    text += "The ship left the harbour at dawn, and the crew sang an old song about the sea.\n";
  return text;
}

}  // namespace

void bench_speculation(const SpeculationBench& options) {
  Generator generator = open_for_one_row(options.model, options.draft);
  Request request = fixed_length_request(options.tokens);
  request.sampling.seed = 7;
  if (options.temperature) {
    request.sampling.temperature = *options.temperature;
  } else if (options.draft.empty()) {
    request.prompt = repeating_text();
    request.sampling.temperature = 0;
  }
  std::vector<Way> all = ways(options.draft.empty());
  for (int run = 0; run < options.runs; ++run) {  // turn by turn: what disturbs one disturbs the others
    for (Way& way : all) {
      request.speculation = way.speculation;
      const double start = cpu_seconds();
      way.completion = generator.generate(request).value();
      way.seconds = std::min(way.seconds, cpu_seconds() - start);
    }
  }
  for (const Way& way : all) {
    const SpeculationStats stats = way.completion.speculation.value_or(SpeculationStats{});
    std::cout << nlohmann::json{{"what", way.name},
                                {"backend", generator.info().device},
                                {"seconds", way.seconds},
                                {"tokens_per_second", options.tokens / way.seconds},
                                {"acceptance_rate", stats.acceptance_rate()},
                                {"tokens_per_step", stats.tokens_per_step()}}
              << '\n';
  }
}

}  // namespace fllm::bench
