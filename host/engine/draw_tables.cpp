// SPDX-License-Identifier: Apache-2.0
#include "host/engine/draw_tables.h"

#include <span>

#include "host/engine/batch.h"
#include "host/engine/sequence.h"

namespace fllm {

DrawTables::DrawTables(const StepCapacity& capacity) : mask_words_(capacity.mask_words_per_row()) {
  const std::size_t draws = capacity.logit_row_count();
  sampling.reserve(draws);
  masks.reserve(draws * mask_words_);
  counts.reserve(draws * capacity.counts_per_row());
}

void DrawTables::clear() {
  sampling.clear();
  masks.clear();
  counts.clear();
}

void DrawTables::add(const Sequence& row, const RowSampling& fixed) {
  RowSampling& draw = sampling.emplace_back(fixed);
  row.set_sampling(draw);
  const std::span<const CountEntry> entries = row.counts();
  draw.counts.begin = static_cast<std::int32_t>(counts.size());
  counts.insert(counts.end(), entries.begin(), entries.end());
  draw.counts.end = static_cast<std::int32_t>(counts.size());
  draw.mask_row = -1;
}

void DrawTables::add_mask(const Sequence& row) {
  if (!row.request().has_masks()) return;
  sampling.back().mask_row = static_cast<std::int32_t>(masks.size() / mask_words_);
  masks.resize(masks.size() + mask_words_);
  row.fill_mask(std::span(masks).last(mask_words_));
}

}  // namespace fllm
