// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace fllm {

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
};

}  // namespace fllm
