// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>

namespace fllm {

/// What the steps that a device takes by itself have room for; of each row: Drafts::room.
struct DraftPlan {
  std::int32_t drafts = 0;   // of all rows in a step, at most
  std::int32_t drawing = 0;  // rows of the draft model
  std::int32_t drawn = 0;    // of each of them, at most
  bool chosen = false;       // some row's are looked up in its text, or forced

  friend auto operator<=>(const DraftPlan&, const DraftPlan&) = default;
};

}  // namespace fllm
