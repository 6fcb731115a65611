// SPDX-License-Identifier: Apache-2.0
#include "host/engine/draft_length.h"

#include <algorithm>

namespace fllm {

DraftLength::DraftLength(std::int32_t draft_tokens, std::int64_t prompt_count, std::int32_t head_start)
    : fixed_(draft_tokens) {
  earn(prompt_count + head_start * kToken);
}

std::int32_t DraftLength::next() const {
  if (fixed_ > 0) return fixed_;
  return static_cast<std::int32_t>(std::min<std::int64_t>(likely(), credit_ / kToken));
}

void DraftLength::took(std::int32_t drafted, std::int32_t accepted) {
  earn((2 * std::int64_t{accepted} - drafted) * kToken + accepted + 1);
  constexpr std::int32_t kMemory = 16;
  for (std::int32_t i = 0; i < accepted; ++i) rate_ += (kSure - rate_) / kMemory;
  if (accepted < drafted) rate_ -= rate_ / kMemory;
}

/// The n-th draft is accepted with the n-th power of the rate. One is always tried, or nothing would be learned.
std::int32_t DraftLength::likely() const {
  std::int32_t length = 0;
  for (std::int32_t power = rate_; power >= kSure / 2 && length < kMostAutomatic; ++length)
    power = power * rate_ / kSure;
  return std::max(length, 1);
}

void DraftLength::earn(std::int64_t credit) { credit_ = std::min(credit_ + credit, kMostAutomatic * kToken); }

}  // namespace fllm
