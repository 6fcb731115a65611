// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/append_to_history.h"
#include "cuda/kernels/history_params.h"
#include "cuda/launch/launch_shape.h"

namespace fllm {

/// Appends given tokens to histories: prompts, or outputs the sampler did not append itself.
///
/// Grid: one block per row, which owns the row's slot and takes its ids one after the other.
/// Bytes: each id reads the ids of the slot's entries (8 bytes apart) and writes one entry.
/// Determinism: integers; entries in the order their ids first occurred.
/// Degenerate rows: a slot outside the table, or no ids, changes nothing; a full slot keeps counting the ids it has and sets
/// kSampleFull.
struct HistoryAppend {
  using Params = HistoryAppendParams;
  using Shared = HistoryShared;

  static LaunchShape shape(const Params& p) { return {p.rows, 256, 0}; }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared& shared, const Params& p) const {
    const std::int32_t row = cta.block_index();
    const std::int32_t slot = p.slots != nullptr ? p.slots[row] : row;
    const std::int32_t begin = p.offsets != nullptr ? p.offsets[row] : row;
    const std::int32_t end = p.offsets != nullptr ? p.offsets[row + 1] : row + 1;
    const bool output = p.are_outputs == nullptr || p.are_outputs[row] != 0;
    bool full = false;
    for (std::int32_t i = has_history(p.history, slot) ? begin : end; i < end; ++i) {
      const std::int32_t id = p.ids[i];
      if (id < 0 || id >= p.vocab) continue;
      if (!append_to_history(cta, shared, p.history, slot, id, output)) full = true;
      cta.sync();  // the next id finds this one
    }
    if (cta.thread_index() == 0 && p.status != nullptr) p.status[row] = full ? kSampleFull : kSampleOk;
  }
};

}  // namespace fllm
