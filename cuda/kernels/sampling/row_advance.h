// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/append_to_history.h"
#include "cuda/kernels/sampling/row.h"

// What the next step of the same row reads, brought up to date with this step's token.
namespace fllm::sampling {

/// vocab: ids there are. Called by the whole first block of a row, when no block reads these arrays any more. Returns kSampleFull or kSampleOk.
template <Cta C>
FLLM_DEVICE std::uint32_t advance_row(const C& cta, SharedRow& shared, const SampleParams& p, std::int64_t index,
                                      std::int32_t vocab, std::int32_t token) {
  if (p.advance == 0) return kSampleOk;
  if (p.sampling == nullptr && cta.thread_index() == 0) {
    if (p.arrays.positions != nullptr) p.arrays.positions[index] += 1;
    if (p.arrays.generated != nullptr) p.arrays.generated[index] += 1;
  }
  const std::int32_t slot = shared.sampling().history_slot;
  if (!has_history(p.history, slot) || token < 0 || token >= vocab) return kSampleOk;
  return append_to_history(cta, shared.history, p.history, slot, token, true) ? kSampleOk : kSampleFull;
}

}  // namespace fllm::sampling
