// SPDX-License-Identifier: Apache-2.0
#include "host/engine/draft_plan.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "host/engine/engine.h"

// How many drafts there is room for in the steps that a device takes by itself. It is part of what is recorded, and a slot costs
// as much without a draft as with one. So steps have none while nobody wants any, which the host knows some steps ahead; and
// where drafts are mostly refused, it looks at what each step has come to before it begins the next. So it does where something
// may be forced, until something is: then there is room for the longest run for a while.
namespace fllm {

/// As many as some row may want, and a little more where that may grow; none where nobody will have one for a while.
DraftPlan Engine::plan_drafts() {
  DraftPlan plan;
  bool soon = false;
  for (const auto& row : rows_) {
    if (row->drafts == nullptr) continue;
    Drafts& drafts = *row->drafts;
    (drafts.from_model() ? plan.from_model : plan.chosen) = true;
    soon = drafts_soon(*row) || soon;
    const std::int32_t most = row->request().need.drafts;
    const auto wanted = std::bit_ceil(static_cast<std::uint32_t>(std::max(drafts.length().next(), 1)));
    plan.drafts = std::max(plan.drafts, drafts.forces() ? most : std::min(static_cast<std::int32_t>(wanted), most));
  }
  return soon ? plan : DraftPlan{};
}

/// Whether a row that speculates has a draft in the next step or, where that is not for the text to say, in one of a few.
bool Engine::drafts_soon(Sequence& row) {
  constexpr std::int32_t kFew = 4;  // steps without drafts that are worth beginning again for
  Drafts& drafts = *row.drafts;
  if (drafts.forces()) return true;
  const bool wants = drafts.wanted_behind(row, 0) > 0;
  if (wants && (drafts.from_model() || drafts.pays())) return true;
  if (drafts.open(row)) drafts.look_up(row);
  row.step_back();
  const bool found = !drafts.tokens().empty();
  drafts.clear();
  return found || (!wants && drafts.wanted_behind(row, kFew - 1) > 0);
}

/// Whether the steps of the device's loop have what is wanted, and not twice as many drafts for long.
bool Engine::drafts_fit() {
  constexpr std::int32_t kPatience = 32;
  const DraftPlan& now = loop_.plan();
  if (now.drafts == 0 && loop_.in_flight() > 0) return true;
  const DraftPlan wanted = plan_drafts();
  if (wanted.drafts == 0 || now.drafts == 0) return wanted == now;
  if (wanted.drafts > now.drafts || wanted.from_model != now.from_model || wanted.chosen != now.chosen) {
    return false;
  }
  spare_steps_ = 2 * wanted.drafts <= now.drafts ? spare_steps_ + 1 : 0;
  return spare_steps_ < kPatience;
}

/// Whether one more step may be begun before the host has seen those in flight.
bool Engine::may_launch() const {
  if (!loop_.may_launch()) return false;
  const std::int32_t in_flight = loop_.in_flight();
  if (in_flight == 0) return true;
  const auto will_want = [in_flight](const auto& row) {
    return row->drafts != nullptr &&
           (row->drafts->most_forced() > 0 || row->drafts->wanted_behind(*row, in_flight) > 0);
  };
  if (loop_.plan().drafts == 0) return std::ranges::none_of(rows_, will_want);
  return std::ranges::any_of(rows_, [&](const auto& row) {
    if (row->drafts == nullptr) return false;
    if (row->drafts->forces()) return true;
    const bool wants = row->drafts->wanted_behind(*row, 0) > 0;
    return wants ? row->drafts->pays() : row->drafts->wanted_behind(*row, in_flight) > 0;
  });
}

}  // namespace fllm
