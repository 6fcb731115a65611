// SPDX-License-Identifier: Apache-2.0
#include "host/engine/penalty_counts.h"

#include <algorithm>
#include <bit>

namespace fllm {

PenaltyCounts::PenaltyCounts(std::int32_t vocab, std::int32_t token_limit, std::int32_t window)
    : recent_(window > 0 && window < token_limit ? static_cast<std::size_t>(window) : 0) {
  const auto distinct = static_cast<std::size_t>(std::min(vocab, token_limit));
  entries_.reserve(distinct);
  in_window_.reserve(distinct);
  slots_.assign(std::bit_ceil(2 * distinct + 1), -1);
}

void PenaltyCounts::append(TokenId id, bool output) {
  const std::size_t added = entry_of(id);
  entries_[added].output_count += output ? 1 : 0;
  entries_[added].repeated = 1;
  ++in_window_[added];
  if (recent_.empty()) return;

  TokenId& place = recent_[static_cast<std::size_t>(appended_ % static_cast<std::int64_t>(recent_.size()))];
  if (appended_++ >= static_cast<std::int64_t>(recent_.size())) {
    const std::size_t left = entry_of(place);
    if (--in_window_[left] == 0) entries_[left].repeated = 0;
  }
  place = id;
}

std::size_t PenaltyCounts::entry_of(TokenId id) {
  const std::size_t last = slots_.size() - 1;
  std::size_t slot = (static_cast<std::uint32_t>(id) * 0x9E3779B1u) & last;
  while (slots_[slot] >= 0 && entries_[static_cast<std::size_t>(slots_[slot])].id != id) slot = (slot + 1) & last;
  if (slots_[slot] < 0) {
    slots_[slot] = static_cast<std::int32_t>(entries_.size());
    entries_.push_back({id, 0, 0});
    in_window_.push_back(0);
  }
  return static_cast<std::size_t>(slots_[slot]);
}

}  // namespace fllm
