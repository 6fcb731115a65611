// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <tuple>

namespace fllm {

/// What the steps that a device takes by itself have room for; of each row: Drafts::room.
struct DraftPlan {
  std::int32_t drafts = 0;   // of all rows in a step, at most
  std::int32_t drawing = 0;  // rows of the draft model
  std::int32_t drawn = 0;    // of each of them, at most
  bool chosen = false;       // some row's are looked up in its text, or forced

  friend bool operator==(const DraftPlan&, const DraftPlan&) = default;
  friend bool operator<(const DraftPlan& a, const DraftPlan& b) {
    return std::tie(a.drafts, a.drawing, a.drawn, a.chosen) < std::tie(b.drafts, b.drawing, b.drawn, b.chosen);
  }
};

}  // namespace fllm
