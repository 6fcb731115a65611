// SPDX-License-Identifier: Apache-2.0
#include "host/engine/beam_result.h"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace fllm {
namespace {

/// The steps of a search, on the host.
struct BeamHistory {
  std::size_t width;
  std::vector<std::int32_t> tokens;    // [steps, width]
  std::vector<std::uint16_t> parents;  // [steps, width]
  std::vector<float> logprobs;         // [steps, width]
  std::vector<BeamHypothesis> pool;    // [width]
  std::vector<float> cum;              // [width]
};

BeamHistory download_history(Backend& backend, const BeamSearch& search) {
  BeamHistory history;
  history.width = static_cast<std::size_t>(search.rules.width);
  const std::size_t entries = history.width * static_cast<std::size_t>(search.state.step);
  const auto take = [&backend](auto& to, const auto* from, std::size_t count) {
    to.resize(count);
    if (count > 0) backend.download(to.data(), from, count * sizeof(*from));
  };
  take(history.tokens, search.tokens, entries);
  take(history.parents, search.parents, entries);
  take(history.logprobs, search.logprobs, entries);
  take(history.pool, search.pool, history.width);
  take(history.cum, search.cum, history.width);
  backend.synchronize();
  return history;
}

/// Puts the tokens of a beam, as it was behind `steps` steps, in front of what an outcome has.
void walk_back(const BeamHistory& history, std::size_t steps, std::size_t slot, BeamOutcome& outcome) {
  for (std::size_t step = steps; step-- > 0;) {
    const std::size_t at = step * history.width + slot;
    outcome.tokens.push_back(history.tokens[at]);
    outcome.logprobs.push_back(history.logprobs[at]);
    slot = history.parents[at];
  }
  std::ranges::reverse(outcome.tokens);
  std::ranges::reverse(outcome.logprobs);
}

bool is_better(const BeamOutcome& a, const BeamOutcome& b) { return a.score > b.score; }

}  // namespace

std::vector<BeamOutcome> read_outcomes(Backend& backend, const BeamRun& run, bool with_live) {
  std::vector<BeamOutcome> outcomes;
  const auto steps = static_cast<std::size_t>(run.search.state.step);
  if (steps == 0) return outcomes;
  const BeamHistory history = download_history(backend, run.search);
  for (const BeamHypothesis& found : history.pool) {
    if (found.end == BeamEnd::kNone) continue;
    BeamOutcome& outcome = outcomes.emplace_back();
    outcome.sum = found.cum;
    outcome.score = found.score;
    outcome.end = found.end;
    outcome.tokens.push_back(found.token);
    outcome.logprobs.push_back(found.logprob);
    walk_back(history, static_cast<std::size_t>(found.length - 1), static_cast<std::size_t>(found.beam), outcome);
  }
  std::ranges::stable_sort(outcomes, is_better);
  const auto finished = static_cast<std::ptrdiff_t>(outcomes.size());
  for (std::size_t k = 0; with_live && run.search.state.done == 0 && k < history.width; ++k) {
    if (!(history.cum[k] > -std::numeric_limits<float>::infinity())) continue;
    BeamOutcome& outcome = outcomes.emplace_back();
    outcome.sum = history.cum[k];
    outcome.score = outcome.sum / run.plan().norms[steps];
    walk_back(history, steps, k, outcome);
  }
  std::stable_sort(outcomes.begin() + finished, outcomes.end(), is_better);
  return outcomes;
}

}  // namespace fllm
