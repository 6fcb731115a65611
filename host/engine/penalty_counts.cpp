// SPDX-License-Identifier: Apache-2.0
#include "host/engine/penalty_counts.h"

#include <algorithm>
#include <bit>

#include "cuda/kernels/draft_params.h"

namespace fllm {

PenaltyCounts::PenaltyCounts(std::int32_t vocab, std::int32_t token_limit, std::int32_t window)
    : recent_(window > 0 && window < token_limit ? static_cast<std::size_t>(window) : 0) {
  const auto distinct = static_cast<std::size_t>(std::min(vocab, token_limit));
  entries_.reserve(distinct);
  in_window_.reserve(distinct);
  slots_.assign(std::bit_ceil(2 * distinct + 1), -1);
  steps_.reserve(kMaxDraftTokens);
}

void PenaltyCounts::append(TokenId id, bool output) {
  const std::size_t added = entry_of(id);
  entries_[added].output_count += output ? 1 : 0;
  entries_[added].repeated = 1;
  ++in_window_[added];
  if (recent_.empty()) return;

  TokenId& place = place_in_window(appended_);
  if (appended_++ >= static_cast<std::int64_t>(recent_.size())) {
    const std::size_t left = entry_of(place);
    if (--in_window_[left] == 0) entries_[left].repeated = 0;
  }
  place = id;
}

void PenaltyCounts::step_over(TokenId id) {
  const bool leaves = windowed() && appended_ >= static_cast<std::int64_t>(recent_.size());
  steps_.push_back({id, leaves ? place_in_window(appended_) : kNone, slots_[slot_of(id)] < 0});
  append(id, true);
}

// The latest first, so that what was found new is the last entry, and the last to have taken its slot.
void PenaltyCounts::step_back() {
  for (; !steps_.empty(); steps_.pop_back()) {
    const Step& step = steps_.back();
    if (windowed()) --appended_;
    if (step.left != kNone) {
      place_in_window(appended_) = step.left;
      const std::size_t left = entry_of(step.left);
      ++in_window_[left];
      entries_[left].repeated = 1;
    }
    const std::size_t added = entry_of(step.id);
    --entries_[added].output_count;
    if (--in_window_[added] == 0) entries_[added].repeated = 0;
    if (!step.is_new) continue;
    slots_[slot_of(step.id)] = -1;
    entries_.pop_back();
    in_window_.pop_back();
  }
}

TokenId& PenaltyCounts::place_in_window(std::int64_t index) {
  return recent_[static_cast<std::size_t>(index % static_cast<std::int64_t>(recent_.size()))];
}

/// Where the id is, or would be put.
std::size_t PenaltyCounts::slot_of(TokenId id) const {
  const std::size_t last = slots_.size() - 1;
  std::size_t slot = (static_cast<std::uint32_t>(id) * 0x9E3779B1u) & last;
  while (slots_[slot] >= 0 && entries_[static_cast<std::size_t>(slots_[slot])].id != id) slot = (slot + 1) & last;
  return slot;
}

std::size_t PenaltyCounts::entry_of(TokenId id) {
  const std::size_t slot = slot_of(id);
  if (slots_[slot] < 0) {
    slots_[slot] = static_cast<std::int32_t>(entries_.size());
    entries_.push_back({id, 0, 0});
    in_window_.push_back(0);
  }
  return static_cast<std::size_t>(slots_[slot]);
}

}  // namespace fllm
