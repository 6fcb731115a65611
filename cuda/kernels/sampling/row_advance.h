// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/append_to_history.h"
#include "cuda/kernels/sampling/row_history.h"

// What the next step of the same row reads, brought up to date with this step's token.
namespace fllm::sampling {

/// vocab: ids there are. Called by the whole first block of a row, when no block reads these arrays any more. Returns
/// kSampleFull or kSampleOk, to its first thread.
template <Cta C>
FLLM_DEVICE std::uint32_t advance_row(const C& cta, SharedRow& shared, const SampleParams& p, std::int64_t index,
                                      std::int32_t vocab, std::int32_t token) {
  if (p.advance == 0) return kSampleOk;
  if (p.sampling == nullptr && cta.thread_index() == 0) {
    if (p.arrays.positions != nullptr) p.arrays.positions[index] += 1;
    if (p.arrays.generated != nullptr) p.arrays.generated[index] += 1;
  }
  if (token < 0 || token >= vocab) return kSampleOk;
  std::uint32_t status = kSampleOk;
  if (p.filters.rows != nullptr && cta.thread_index() == 0) {
    status = append_to_sequence(p.filters.sequences, p.filters.rows[index].slot, token);
  }
  const std::int32_t slot = shared.sampling().history_slot;
  if (!has_history(p.history, slot)) return status;
  return append_to_history(cta, shared.history, p.history, slot, token, true) ? status : kSampleFull;
}

}  // namespace fllm::sampling
