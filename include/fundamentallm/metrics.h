// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace fllm {

/// What came of guessing ahead.
struct SpeculationStats {
  std::int64_t steps = 0;          ///< the model was asked what comes next, once for each sample
  std::int64_t drafted_steps = 0;  ///< with drafts
  std::int64_t drafted_tokens = 0;
  std::int64_t accepted_tokens = 0;  ///< drafts that became output
  std::int64_t tokens = 0;           ///< of the output, in these steps

  /// Of drafts; 0 where there are none.
  [[nodiscard]] double acceptance_rate() const { return ratio(accepted_tokens, drafted_tokens); }
  /// Drafts accepted at once, where there were some.
  [[nodiscard]] double mean_accepted_length() const { return ratio(accepted_tokens, drafted_steps); }
  [[nodiscard]] double tokens_per_step() const { return ratio(tokens, steps); }

  SpeculationStats& operator+=(const SpeculationStats& more) {
    steps += more.steps;
    drafted_steps += more.drafted_steps;
    drafted_tokens += more.drafted_tokens;
    accepted_tokens += more.accepted_tokens;
    tokens += more.tokens;
    return *this;
  }

 private:
  static double ratio(std::int64_t part, std::int64_t whole) {
    return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
  }
};

/// What a generator is doing and has done. Blocks hold the keys and values of 16 tokens.
struct Metrics {
  std::int64_t queued_requests = 0;    ///< not in the batch yet, or not with all their samples
  std::int64_t running_rows = 0;       ///< samples in the batch
  std::int64_t blocks_total = 0;       ///< blocks_used + blocks_free
  std::int64_t blocks_used = 0;        ///< reserved for running rows
  std::int64_t blocks_free = 0;        ///< the cached ones too: they are given up when memory is needed
  std::int64_t blocks_cached = 0;      ///< prompts of earlier requests, kept for later ones with the same beginning
  std::int64_t steps = 0;              ///< since the generator was opened, as is what follows
  std::int64_t tokens_generated = 0;   ///< drawn
  std::int64_t prompt_tokens = 0;      ///< read by the model
  std::int64_t prefix_hit_tokens = 0;  ///< of prompts, not read because another request's keys and values were shared
  std::int64_t requests_finished = 0;  ///< whatever the reason
  SpeculationStats speculation;        ///< of all that speculate
};

}  // namespace fllm
