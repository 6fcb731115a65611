// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/speculation_report.h"

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/cli/errors.h"

namespace fllm::cli {

nlohmann::ordered_json speculation_json(const SpeculationStats& stats) {
  return {{"steps", stats.steps},
          {"drafted_steps", stats.drafted_steps},
          {"drafted_tokens", stats.drafted_tokens},
          {"accepted_tokens", stats.accepted_tokens},
          {"tokens", stats.tokens},
          {"acceptance_rate", stats.acceptance_rate()},
          {"mean_accepted_length", stats.mean_accepted_length()},
          {"tokens_per_step", stats.tokens_per_step()}};
}

void report_speculation(const Settings& settings, const Generator& generator) {
  const SpeculationStats stats = generator.metrics().speculation;
  if (!settings.is_verbose() || stats.steps == 0) return;
  std::array<char, 160> text{};
  std::snprintf(text.data(), text.size(),
                "%lld of %lld drafts accepted (%.1f%%), %.2f of those of a step, %.2f tokens per step of the model",
                static_cast<long long>(stats.accepted_tokens), static_cast<long long>(stats.drafted_tokens),
                100 * stats.acceptance_rate(), stats.mean_accepted_length(), stats.tokens_per_step());
  report_note(false, text.data());
}

}  // namespace fllm::cli
