// SPDX-License-Identifier: Apache-2.0
#include "host/engine/draft_model.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "host/engine/sequence.h"
#include "host/model/forward.h"

namespace fllm {
namespace {

/// Tokens and drafts that the model has not seen.
std::int32_t unread_of(const Sequence& row) {
  return row.token_count() + static_cast<std::int32_t>(row.drafted().size()) - row.drafts->cached;
}

/// Whether a row's next draft is to be drawn, behind those that are forced now: what can be known beforehand costs no pass.
bool is_to_draw(Sequence& row) {
  const std::int32_t wanted = row.drafts->wanted();
  return row.drafts->add_known(row, wanted, false) && std::cmp_less(row.drafted().size(), wanted);
}

}  // namespace

DraftModel::DraftModel(Backend& backend, const Model& model, const StepCapacity& capacity, std::int32_t block_count)
    : backend_(&backend),
      model_(&model),
      capacity_(capacity),
      cache_(backend, model.config, block_count, capacity.filler_blocks),
      workspace_(backend, model.config, capacity),
      supports_(backend, capacity.logit_row_count()),
      tables_(capacity) {
  const std::size_t rows = capacity.row_count();
  active_.reserve(rows);
  tokens_.reserve(static_cast<std::size_t>(capacity.tokens()));
  positions_.reserve(tokens_.capacity());
  token_rows_.reserve(tokens_.capacity());
  logit_tokens_.reserve(rows);
  drawn_.resize(rows);
  block_tables_.reserve(rows * static_cast<std::size_t>(capacity.blocks_per_row));
  workspace_.upload_filler_tables(capacity, block_count);
}

void DraftModel::reserve(Sequence& row) {
  row.drafts->reach = context_length();
  std::vector<std::int32_t>& blocks = row.drafts->blocks;
  blocks.resize(static_cast<std::size_t>(row.request().need.draft_blocks));
  for (std::int32_t& block : blocks) block = cache_.take();
}

void DraftModel::release(Sequence& row) {
  for (const std::int32_t block : row.drafts->blocks) cache_.release(block);
  row.drafts->blocks.clear();
}

void DraftModel::upload_tables(Rows rows) {
  const auto stride = static_cast<std::size_t>(capacity_.blocks_per_row);
  block_tables_.assign(rows.size() * stride, 0);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i]->drafts == nullptr) continue;
    std::ranges::copy(rows[i]->drafts->blocks, block_tables_.begin() + static_cast<std::ptrdiff_t>(i * stride));
  }
  workspace_.block_tables.upload(block_tables_);
}

void DraftModel::clear() {
  tables_.clear();
  drawn_from_ = {};
}

void DraftModel::draft(Rows rows, std::span<const std::int32_t> places, const Batch& batch, const SampleParams& edits) {
  for (const std::int32_t place : places) {
    Sequence& row = *rows[static_cast<std::size_t>(place)];
    row.drafts->open(row);
    if (is_to_draw(row)) active_.push_back(place);
  }
  read_ahead(rows);
  while (!active_.empty()) {
    feed(rows);
    sample(rows, batch, edits);
    take(rows);
  }
  for (const std::int32_t place : places) rows[static_cast<std::size_t>(place)]->step_back();
}

/// What does not fit into one pass with all the last tokens.
void DraftModel::read_ahead(Rows rows) {
  std::int64_t total = 0;
  for (const std::int32_t place : active_) total += unread_of(*rows[static_cast<std::size_t>(place)]);
  while (total > capacity_.tokens()) {
    for (const std::int32_t place : active_) {
      const std::int32_t room = capacity_.tokens() - static_cast<std::int32_t>(tokens_.size());
      const Sequence& row = *rows[static_cast<std::size_t>(place)];
      const std::int32_t count = std::min(unread_of(row) - 1, room);
      feed_row(row, place, count);
      total -= count;
    }
    run(0);
  }
}

/// Of each row what it lacks: a token as a rule, two where the last draft of the step before was accepted, more behind what was
/// forced.
void DraftModel::feed(Rows rows) {
  for (const std::int32_t place : active_) {
    const Sequence& row = *rows[static_cast<std::size_t>(place)];
    feed_row(row, place, unread_of(row));
    logit_tokens_.push_back(static_cast<std::int32_t>(tokens_.size()) - 1);
  }
  run(static_cast<std::int32_t>(active_.size()));
}

void DraftModel::feed_row(const Sequence& row, std::int32_t place, std::int32_t count) {
  const std::int32_t known = row.token_count();
  for (std::int32_t i = row.drafts->cached; i < row.drafts->cached + count; ++i) {
    tokens_.push_back(i < known ? row.token(i) : row.drafted()[static_cast<std::size_t>(i - known)]);
    positions_.push_back(i);
    token_rows_.push_back(place);
  }
  row.drafts->cached += count;
}

/// Enqueues the model over what was fed; its logits go behind those of the step so far.
void DraftModel::run(std::int32_t logit_rows) {
  workspace_.tokens.upload(tokens_);
  workspace_.positions.upload(positions_);
  workspace_.token_rows.upload(token_rows_);
  workspace_.logit_tokens.upload(logit_tokens_);
  ForwardBatch batch;
  batch.rows = static_cast<std::int32_t>(tokens_.size());
  batch.logit_rows = workspace_.logit_tokens.data();
  batch.logit_row_count = logit_rows;
  enqueue(batch, static_cast<std::int32_t>(tables_.sampling.size()));
  tokens_.clear();
  positions_.clear();
  token_rows_.clear();
  logit_tokens_.clear();
}

void DraftModel::enqueue(ForwardBatch batch, std::int32_t first_logit_row) {
  batch.tokens = workspace_.tokens.data();
  batch.positions = workspace_.positions.data();
  batch.blocks = {workspace_.block_tables.data(), capacity_.blocks_per_row, workspace_.token_rows.data()};
  const std::int32_t vocab = model_->config.vocab_size;
  float* logits = workspace_.logits.data() + std::int64_t{first_logit_row} * vocab;
  forward(*backend_, *model_, batch, cache_, workspace_.forward, {logits, batch.logit_row_count, vocab, vocab});
}

/// As the big model's rows are, with random bits of their own, where its draws are not to be foretold.
void DraftModel::sample(Rows rows, const Batch& batch, const SampleParams& edits) {
  const std::size_t first = tables_.sampling.size(), first_mask = tables_.masks.size(),
                    first_count = tables_.counts.size();
  for (const std::int32_t place : active_) {
    const Sequence& row = *rows[static_cast<std::size_t>(place)];
    tables_.add(row, batch.row_sampling[static_cast<std::size_t>(place)]);
    tables_.add_mask(row);
    if (row.drafts->rule() == SpeculationRule::kRatio) tables_.sampling.back().random.stream = RandomStream::kDraft;
  }
  workspace_.sampling.upload(std::span(tables_.sampling).subspan(first), first);
  workspace_.masks.upload(std::span(tables_.masks).subspan(first_mask), first_mask);
  workspace_.counts.upload(std::span(tables_.counts).subspan(first_count), first_count);

  SampleParams params = draws(edits, static_cast<std::int32_t>(first), static_cast<std::int32_t>(active_.size()));
  params.allow_mask = workspace_.masks.data();
  params.counts = workspace_.counts.data();
  backend_->sample(LogitType::kFloat32, params);
  backend_->download(drawn_.data(), params.tokens, active_.size() * sizeof(std::int32_t));
  backend_->synchronize();

  drawn_from_ = draws(params, 0, static_cast<std::int32_t>(tables_.sampling.size()));
}

SampleParams DraftModel::draws(const SampleParams& edits, std::int32_t first, std::int32_t rows) const {
  const std::int32_t vocab = model_->config.vocab_size;
  SampleParams params = edits;
  params.logits = workspace_.logits.data() + std::int64_t{first} * vocab;
  params.stride = vocab;
  params.rows = rows;
  params.sampling = workspace_.sampling.data() + first;
  params.scratch = workspace_.scratch.data();
  params.scratch_stride = workspace_.scratch_stride;
  params.tokens = workspace_.drawn.data() + first;
  params.supports = supports_.data() + first;
  return params;
}

void DraftModel::read(std::int32_t inputs, std::int32_t first_logit_row, std::int32_t logit_rows) {
  ForwardBatch batch;
  batch.rows = inputs;
  batch.logit_row_count = logit_rows;
  enqueue(batch, first_logit_row);
}

void DraftModel::catch_up(Rows rows) {
  clear();
  for (std::size_t place = 0; place < rows.size(); ++place) {
    const Sequence& row = *rows[place];
    if (row.drafts == nullptr || !row.drafts->from_model() || row.drafts->room == 0) continue;
    const std::int32_t end = std::min(row.token_count() - 2, context_length());
    while (row.drafts->cached < end) {
      const std::int32_t room = capacity_.tokens() - static_cast<std::int32_t>(tokens_.size());
      const std::int32_t count = std::min(end - row.drafts->cached, room);
      feed_row(row, static_cast<std::int32_t>(place), count);
      if (count == room) run(0);
    }
  }
  if (!tokens_.empty()) run(0);
}

/// What was drawn becomes a draft, also where it ends the output: whether it does is what is to be decided. Nothing goes on
/// behind that.
void DraftModel::take(Rows rows) {
  const auto first_row = static_cast<std::int32_t>(tables_.sampling.size() - active_.size());
  std::size_t kept = 0;
  for (std::size_t i = 0; i < active_.size(); ++i) {
    Sequence& row = *rows[static_cast<std::size_t>(active_[i])];
    if (drawn_[i] == kNothingDrawn) continue;
    row.drafts->add(drawn_[i], first_row + static_cast<std::int32_t>(i));
    if (row.step_over(drawn_[i]) && is_to_draw(row)) active_[kept++] = active_[i];
  }
  active_.resize(kept);
}

}  // namespace fllm
