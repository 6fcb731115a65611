// SPDX-License-Identifier: Apache-2.0
#include "host/engine/batch.h"

#include <algorithm>
#include <numeric>

#include "host/engine/beam_run.h"
#include "host/engine/request_preparer.h"

namespace fllm {
namespace {

/// Appends to a flat table; the range is where it went.
template <class T>
TableRange append(std::vector<T>& table, std::span<const T> values) {
  const auto begin = static_cast<std::int32_t>(table.size());
  table.insert(table.end(), values.begin(), values.end());
  return {begin, static_cast<std::int32_t>(table.size())};
}

}  // namespace

std::size_t StepCapacity::ids_per_row() const {
  return static_cast<std::size_t>(std::min(vocab, kMaxBanList)) + static_cast<std::size_t>(std::min(vocab, kMaxEndIds));
}
std::size_t StepCapacity::bias_per_row() const { return static_cast<std::size_t>(std::min(vocab, kMaxBiasEntries)); }
std::size_t StepCapacity::counts_per_row() const { return static_cast<std::size_t>(std::min(vocab, context_length)); }

Batch::Batch(const StepCapacity& capacity) : draws(capacity), capacity_(capacity) {
  const std::size_t rows = capacity.row_count(), draw_count = capacity.logit_row_count();
  const auto fed = static_cast<std::size_t>(capacity.tokens());
  tokens.reserve(fed);
  positions.reserve(fed);
  token_rows.reserve(fed);
  drawing.reserve(rows);
  draft_ids.reserve(draw_count);
  logit_tokens.reserve(draw_count);
  row_sampling.reserve(rows);
  block_tables.reserve(rows * static_cast<std::size_t>(capacity.blocks_per_row));
  beam_tables.reserve(block_tables.capacity());
  ids.reserve(rows * capacity.ids_per_row());
  bias.reserve(rows * capacity.bias_per_row());
  copy_source.reserve(rows);
  copy_destination.reserve(rows);
  drawn.resize(draw_count);
  details.resize(draw_count);
  top.resize(draw_count * kMaxTopEntries);
  accepted.reserve(rows);
}

void Batch::fill_static(Rows rows, Searches searches) {
  block_tables.clear();
  beam_tables.clear();
  row_sampling.clear();
  ids.clear();
  bias.clear();
  top_count = 0;
  for (const auto& search : searches) {  // first, so that what comes and goes behind them moves none of their lists
    if (!search->is_running()) continue;
    const Need& need = search->request->need;
    const auto own = static_cast<std::size_t>(need.own_blocks);
    append_table(beam_tables, search->sequence->blocks, 0);
    for (std::size_t begin = 0; begin < search->blocks.size(); begin += own) {
      append_table(beam_tables, std::span(search->blocks).subspan(begin, own),
                   static_cast<std::size_t>(need.shared_blocks));
    }
    search->row = with_lists(*search->request);
  }
  const RequestState* previous = nullptr;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    append_table(block_tables, rows[i]->blocks, 0);
    const RequestState& request = rows[i]->request();
    top_count = std::max(top_count, request.request.logprobs);
    if (&request == previous) {  // samples of one request stand side by side and share its lists
      row_sampling.push_back(row_sampling.back());
      continue;
    }
    previous = &request;
    row_sampling.push_back(with_lists(request));
  }
}

void Batch::append_table(std::vector<std::int32_t>& tables, std::span<const std::int32_t> blocks,
                         std::size_t first) const {
  const std::size_t begin = tables.size();
  tables.resize(begin + static_cast<std::size_t>(capacity_.blocks_per_row), 0);
  std::replace_copy(blocks.begin(), blocks.end(), tables.begin() + static_cast<std::ptrdiff_t>(begin + first), kNoBlock,
                    0);
}

RowSampling Batch::with_lists(const RequestState& request) {
  RowSampling row = request.sampling;
  row.bans =
      append<std::int32_t>(ids, request.base_mask.empty() ? std::span(request.ban_ids) : std::span<const TokenId>());
  row.end_ids = append<std::int32_t>(ids, request.end_ids);
  row.bias = append<BiasEntry>(bias, request.bias);
  return row;
}

void Batch::clear_feed(std::int32_t beams) {
  beam_rows = beams;
  tokens.clear();
  positions.clear();
  token_rows.clear();
  drawing.clear();
  draft_ids.clear();
  logit_tokens.resize(static_cast<std::size_t>(beams));
  std::iota(logit_tokens.begin(), logit_tokens.end(), 0);
}

void Batch::feed(const Sequence& row, std::int32_t place) {
  const auto feed_token = [&](TokenId id, std::int32_t position) {
    tokens.push_back(id);
    positions.push_back(position);
    token_rows.push_back(place);
  };
  const auto draw_behind = [&](TokenId draft) {
    draft_ids.push_back(draft);
    logit_tokens.push_back(beam_rows + static_cast<std::int32_t>(tokens.size()) - 1);
  };
  for (std::int32_t i = row.cached; i < row.cached + row.feeding; ++i) feed_token(row.token(i), i);
  if (row.feeding < row.missing()) return;
  drawing.push_back(place);
  std::int32_t position = row.token_count();
  for (const TokenId draft : row.drafted()) {
    draw_behind(draft);
    feed_token(draft, position++);
  }
  draw_behind(kNothingDrawn);
}

void Batch::fill_sampling(Rows rows, bool with_masks) {
  draws.clear();
  for (const std::int32_t place : drawing) {
    Sequence& row = *rows[static_cast<std::size_t>(place)];
    const RowSampling& fixed = row_sampling[static_cast<std::size_t>(place)];
    const auto add_draw = [&] {
      draws.add(row, fixed);
      if (with_masks) draws.add_mask(row);
    };
    add_draw();
    for (const TokenId draft : row.drafted()) {
      row.step_over(draft);
      add_draw();
    }
    row.step_back();
  }
}

}  // namespace fllm
