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
  return static_cast<std::int32_t>(std::min<std::int64_t>(length_, credit_ / kToken));
}

void DraftLength::took(std::int32_t drafted, std::int32_t accepted) {
  earn((2 * std::int64_t{accepted} - drafted) * kToken + accepted + 1);
  if (drafted == 0) return;
  length_ = accepted == drafted ? std::min(length_ + 2, kMostAutomatic) : accepted + 1;
}

void DraftLength::earn(std::int64_t credit) { credit_ = std::min(credit_ + credit, kMostAutomatic * kToken); }

}  // namespace fllm
