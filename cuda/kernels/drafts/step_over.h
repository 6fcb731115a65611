// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/drafts/feed_slots.h"
#include "cuda/kernels/take_token.h"

namespace fllm::drafts {

/// A row goes on as if a draft had been drawn: the model reads it in a slot, and draws behind it there. False, and the slot stays
/// as it is, where the draft would end the text.
FLLM_DEVICE bool step_over(const DraftLoopParams& p, std::int32_t row, std::int32_t slot, std::int32_t draft) {
  DraftingRow& drafting = p.drafting[row];
  RowSampling draw = p.sampling[slot - 1];
  const std::int32_t before = checked_state(p.automata, drafting.state);
  if (is_end(p.automata, p.end_ids, draw, before, draft)) return false;
  const std::int32_t text = walk(p.automata, before, draft).state;
  if ((flags_of(p.automata, text) & kStateEnds) != 0) return false;
  drafting.state = text;
  go_on(p.automata, draw, text, p.states[row]);
  if (draw.history_slot >= 0) draw.history_slot = slot;
  p.sampling[slot] = draw;
  feed(p.feed, slot, draft, p.feed.positions[slot - 1] + 1, row);
  return true;
}

}  // namespace fllm::drafts
