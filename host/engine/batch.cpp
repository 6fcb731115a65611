// SPDX-License-Identifier: Apache-2.0
#include "host/engine/batch.h"

#include <algorithm>

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

Batch::Batch(const StepCapacity& capacity) : capacity_(capacity) {
  const std::size_t rows = capacity.row_count();
  tokens.reserve(rows);
  positions.reserve(rows);
  block_tables.reserve(rows * static_cast<std::size_t>(capacity.blocks_per_row));
  sampling.reserve(rows);
  masks.reserve(rows * capacity.mask_words_per_row());
  ids.reserve(rows * capacity.ids_per_row());
  bias.reserve(rows * capacity.bias_per_row());
  counts.reserve(rows * capacity.counts_per_row());
  copy_source.reserve(rows);
  copy_destination.reserve(rows);
  drawn.resize(rows);
  details.resize(rows);
  top.resize(rows * kMaxTopEntries);
}

void Batch::fill_static(Rows rows) {
  const auto stride = static_cast<std::size_t>(capacity_.blocks_per_row);
  block_tables.assign(rows.size() * stride, 0);
  sampling.clear();
  ids.clear();
  bias.clear();
  top_count = 0;
  const RequestState* previous = nullptr;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::copy(rows[i]->blocks.begin(), rows[i]->blocks.end(),
              block_tables.begin() + static_cast<std::ptrdiff_t>(i * stride));
    const RequestState& request = rows[i]->request();
    top_count = std::max(top_count, request.request.logprobs);
    if (&request == previous) {  // samples of one request stand side by side and share its lists
      sampling.push_back(sampling.back());
      continue;
    }
    previous = &request;
    RowSampling& row = sampling.emplace_back(request.sampling);
    row.bans =
        append<std::int32_t>(ids, request.base_mask.empty() ? std::span(request.ban_ids) : std::span<const TokenId>());
    row.end_ids = append<std::int32_t>(ids, request.end_ids);
    row.bias = append<BiasEntry>(bias, request.bias);
  }
}

void Batch::fill_forward(Rows rows, std::int32_t decode_count) {
  tokens.clear();
  positions.clear();
  for (const auto& row : rows.first(static_cast<std::size_t>(decode_count))) {
    tokens.push_back(row->last_token());
    positions.push_back(row->token_count() - 1);
  }
}

void Batch::fill_sampling(Rows rows) {
  const std::size_t words = capacity_.mask_words_per_row();
  masks.clear();
  counts.clear();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i]->set_sampling(sampling[i]);
    sampling[i].counts = append<CountEntry>(counts, rows[i]->counts());
    sampling[i].mask_row = -1;
    if (!rows[i]->needs_mask()) continue;
    sampling[i].mask_row = static_cast<std::int32_t>(masks.size() / words);
    masks.resize(masks.size() + words);
    rows[i]->fill_mask(std::span(masks).last(words));
  }
}

}  // namespace fllm
