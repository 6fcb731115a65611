// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <tuple>

namespace fllm {

/// What the steps that a device takes by itself have room for.
struct DraftPlan {
  std::int32_t drafts = 0;  // of each row in a step, at most
  bool from_model = false;  // some row's are the draft model's
  bool chosen = false;      // some row's are looked up in its text, or forced

  friend bool operator==(const DraftPlan&, const DraftPlan&) = default;
  friend bool operator<(const DraftPlan& a, const DraftPlan& b) {
    return std::tie(a.drafts, a.from_model, a.chosen) < std::tie(b.drafts, b.from_model, b.chosen);
  }
};

}  // namespace fllm
