// SPDX-License-Identifier: Apache-2.0
#include "host/engine/draft_plan.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "host/engine/engine.h"

// How many drafts each row has room for in the steps that a device takes by itself. It is part of what is recorded, and a slot
// costs as much without a draft as with one. So a row has room for many where drafts are mostly accepted, or something was forced
// of late; else for those of the next step alone, and the host looks at what each step has come to before it begins the next.
// While a row has none, which the host knows some steps ahead, it costs what it would cost without speculation.
namespace fllm {

/// Gives each row the room it wants.
DraftPlan Engine::plan_drafts() {
  DraftPlan plan;
  for (const auto& row : rows_) {
    if (row->drafts == nullptr) continue;
    const std::int32_t room = row->drafts->room = wanted_room(*row);
    if (room == 0) continue;
    plan.drafts += room;
    if (row->drafts->from_model()) {
      ++plan.drawing;
      plan.drawn = std::max(plan.drawn, room);
    } else {
      plan.chosen = true;
    }
  }
  const auto more = static_cast<std::int32_t>(std::bit_ceil(static_cast<std::uint32_t>(plan.drawing)));
  if (plan.drawing > 0 && draws_fit(more, plan.drawn)) plan.drawing = more;  // as other steps have
  return plan;
}

/// Whether a draft model that reads two tokens of so many rows, and draws so many drafts of each, has the memory for that.
bool Engine::draws_fit(std::int32_t rows, std::int32_t drafts) const {
  return rows * std::max(drafts, 2) <= capacity_.logit_rows;
}

/// Of a row that speculates: a little more than it wants now where it is likely to want that.
std::int32_t Engine::wanted_room(Sequence& row) const {
  Drafts& drafts = *row.drafts;
  const std::int32_t most = row.request().need.drafts;
  if (drafts.forces()) return most;
  std::int32_t likely = 0;
  if (drafts.pays() && drafts.wanted_behind(row, row.generated() > 0 ? 0 : 1) > 0) {
    const auto next = static_cast<std::uint32_t>(drafts.length().next());
    likely = std::min(static_cast<std::int32_t>(std::bit_ceil(next)), most);
  }
  if (drafts.from_model()) return drafts.pays() ? likely : drafts.wanted_behind(row, 0);
  if (drafts.pays() && drafts.most_forced() == 0) return likely;
  if (drafts.open(row) && likely == 0) drafts.look_up(row);
  row.step_back();
  const std::int32_t found = drafts.tokens().empty() ? 0 : drafts.forces() ? most : drafts.wanted();
  drafts.clear();
  return std::max(likely, found);
}

/// Whether all rows of the device's loop have the room they want, and not twice as much for long.
bool Engine::drafts_fit() {
  constexpr std::int32_t kPatience = 32;
  std::int32_t wanted = 0;
  for (const auto& row : rows_) {
    if (row->drafts == nullptr) continue;
    const std::int32_t room = wanted_room(*row), now = row->drafts->room;
    if (room > now || (room < now && !row->drafts->pays() && !row->drafts->forces())) return false;
    wanted += room;
  }
  const std::int32_t now = loop_.plan().drafts;
  spare_steps_ = now > 0 && 2 * wanted <= now ? spare_steps_ + 1 : 0;
  return spare_steps_ < kPatience;
}

/// Whether one more step may be begun before the host has seen those in flight: it would find nothing in them that changes a row's
/// room.
bool Engine::may_launch() const {
  if (!loop_.may_launch()) return false;
  const std::int32_t in_flight = loop_.in_flight();
  return in_flight == 0 || std::ranges::all_of(rows_, [in_flight](const auto& row) {
           if (row->drafts == nullptr) return true;
           const Drafts& drafts = *row->drafts;
           if (drafts.room > 0) return drafts.pays() || drafts.forces();
           return drafts.most_forced() == 0 && drafts.wanted_behind(*row, in_flight) == 0;
         });
}

}  // namespace fllm
