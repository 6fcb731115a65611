// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <tuple>

#include "host/engine/engine.h"

// Which tokens a step feeds to the model: the last one of each row that draws, and of prompts as many as the step has room
// for. No prompt holds up another one: each gets its share of a step, those that waited longest first.
namespace fllm {

void Engine::plan() {
  batch_.clear_feed(beams_.row_count());
  prefilling_.clear();
  for (std::int32_t place = 0; place < row_count(); ++place) {
    Sequence& row = *rows_[static_cast<std::size_t>(place)];
    row.feeding = 0;
    if (row.waits) continue;
    if (row.missing() > 1) {  // searches too: their last token is left to the beams
      prefilling_.push_back(place);
    } else {
      row.feeding = 1;
      batch_.feed(row, place);
    }
  }
  if (prefilling_.empty()) return;
  share_budget();
  for (const std::int32_t place :
       prefilling_) {  // a prefix is computed before or beside what is planned to go on from it
    Sequence& row = *rows_[static_cast<std::size_t>(place)];
    if (row.feeding > 0) row.fed_step = step_number_;
    counters_.prompt_tokens += row.feeding;
    batch_.feed(row, place);
  }
}

// An equal share first, so that a short prompt is through at once; then what others left, in order.
void Engine::share_budget() {
  std::sort(prefilling_.begin(), prefilling_.end(), [this](std::int32_t a, std::int32_t b) {
    const auto fed = [this](std::int32_t place) { return rows_[static_cast<std::size_t>(place)]->fed_step; };
    return std::tuple(fed(a), a) < std::tuple(fed(b), b);
  });
  std::int32_t budget = capacity_.prefill_tokens;
  const std::int32_t share = std::max(budget / static_cast<std::int32_t>(prefilling_.size()), kKvBlockTokens);
  for (const bool first : {true, false}) {
    for (const std::int32_t place : prefilling_) {
      Sequence& row = *rows_[static_cast<std::size_t>(place)];
      const std::int32_t before = row.feeding;
      if (first) adopt_prefix(row);
      if (!first && shared_block(row) != PrefixIndex::kNone)
        continue;  // in this step another one computes what it lacks
      plan_tokens(row, std::min(budget, first ? share : budget));
      budget -= row.feeding - before;
    }
  }
}

// The block that holds, or will after this step, what the row would compute next; it may be shared in the same step, since
// a forward pass stores the keys and values of all tokens before any are read.
std::int32_t Engine::shared_block(const Sequence& row) const {
  const RequestState& request = row.request();
  const auto i = static_cast<std::size_t>((row.cached + row.feeding) / kKvBlockTokens);
  if (!prefix_cache_ || i >= static_cast<std::size_t>(request.need.shared_blocks)) return PrefixIndex::kNone;
  return prefixes_.find(i > 0 ? row.blocks[i - 1] : PrefixIndex::kNone, request.prompt_hashes[i],
                        request.prompt_block(i));
}

void Engine::adopt_prefix(Sequence& row) {
  for (std::int32_t found = shared_block(row); found != PrefixIndex::kNone; found = shared_block(row)) {
    std::int32_t& block = row.blocks[static_cast<std::size_t>(row.cached / kKvBlockTokens)];
    cache_.share(found);
    cache_.release(block);
    block = found;
    row.cached += kKvBlockTokens;
    count_prefix_hit(row, kKvBlockTokens);
    rows_changed_ = true;
  }
}

// Up to limit more tokens: whole blocks, unless the prompt ends. What they fill, others may share from now on.
void Engine::plan_tokens(Sequence& row, std::int32_t limit) {
  const std::int32_t begin = row.cached + row.feeding;
  std::int32_t count = std::min(limit, row.unread() - row.feeding);
  if (count < row.unread() - row.feeding) count -= count % kKvBlockTokens;
  row.feeding += count;
  if (!prefix_cache_) return;
  const RequestState& request = row.request();
  const auto end = std::min(static_cast<std::size_t>((begin + count) / kKvBlockTokens), request.prompt_hashes.size());
  for (auto i = static_cast<std::size_t>(begin / kKvBlockTokens); i < end; ++i) {
    prefixes_.insert(i > 0 ? row.blocks[i - 1] : PrefixIndex::kNone, request.prompt_hashes[i], request.prompt_block(i),
                     row.blocks[i]);
    cache_.keep(row.blocks[i]);
  }
}

}  // namespace fllm
