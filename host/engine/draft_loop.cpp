// SPDX-License-Identifier: Apache-2.0
#include "host/engine/draft_loop.h"

#include <algorithm>
#include <cstddef>

#include "host/engine/sequence.h"

namespace fllm {
namespace {

/// Those from `first` on.
FeedSlots slots_of(const Workspace& workspace, const StepCapacity& capacity, std::int32_t first) {
  return {workspace.tokens.data() + first, workspace.positions.data() + first, workspace.token_rows.data() + first,
          capacity.rows, capacity.filler_tokens()};
}

}  // namespace

DraftLoop::DraftLoop(Backend& backend, const StepCapacity& capacity, DraftModel* model, Verification& verification)
    : backend_(&backend),
      capacity_(capacity),
      model_(model),
      verification_(&verification),
      drafting_(backend, capacity.row_count()) {
  feed_.reserve(capacity.logit_row_count());
  draft_feed_.reserve(capacity.logit_row_count());
  sampling_.reserve(capacity.logit_row_count());
  draft_sampling_.reserve(capacity.logit_row_count());
  draft_rows_.reserve(capacity.logit_row_count());
  row_drafting_.reserve(capacity.row_count());
  judged_.reserve(capacity.row_count());
}

void DraftLoop::feed_fillers(Workspace& workspace, std::int32_t beams) {
  feed_.clear(capacity_.logit_row_count(), capacity_);
  feed_.upload(workspace, beams);
  if (model_ == nullptr) return;
  feed_.upload(model_->workspace(), 0);
  model_->read(capacity_.logit_rows, 0, 0);
}

void DraftLoop::reserve_texts() {
  if (texts_.size() > 0) return;
  texts_ = {*backend_, capacity_.row_count() * static_cast<std::size_t>(capacity_.context_length)};
}

void DraftLoop::start(Rows rows, const StepStart& step, const DraftPlan& plan, Workspace& workspace) {
  plan_ = plan;
  beams_ = step.beams;
  size_ = static_cast<std::int32_t>(step.states.size());
  slots_ = step.firsts.back();
  const std::size_t size = step.states.size(), slots = static_cast<std::size_t>(slots_);
  if (plan.drawing > 0) model_->catch_up(rows);
  const auto drawing = static_cast<std::size_t>(plan.drawing);
  drawing_ = 0;
  feed_.clear(slots, capacity_);
  draft_feed_.clear(2 * drawing, capacity_);
  sampling_.assign(slots, drafts::idle_draw());
  draft_sampling_.assign(static_cast<std::size_t>(plan.drawn) * drawing, drafts::idle_draw());
  draft_rows_.assign(slots, -1);
  row_drafting_.clear();
  judged_.clear();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    add_row(*rows[i], step.draws[i], step.firsts[i], step.states[i].state);
  }
  row_drafting_.resize(size);
  for (std::size_t i = rows.size(); i < size; ++i) judged_.push_back({step.firsts[i], 0, -1, 1});
  upload(workspace);
}

void DraftLoop::add_row(Sequence& row, const RowSampling& draw, std::int32_t first_slot, std::int32_t state) {
  const std::int32_t place = static_cast<std::int32_t>(judged_.size()), last = row.token_count() - 1;
  const bool coupled = row.drafts == nullptr || row.drafts->rule() == SpeculationRule::kCoupled;
  judged_.push_back({first_slot, 0, -1, coupled ? 1 : 0});
  drafts::feed(feed_.view, first_slot, row.token(last), last, place);
  sampling_[static_cast<std::size_t>(first_slot)] = draw;
  DraftingRow& drafting = row_drafting_.emplace_back();
  if (row.drafts == nullptr) return;
  drafting.length = row.drafts->length();
  drafting.room = row.drafts->room;
  if (drafting.room == 0) return;
  row.drafts->foresee(row);
  drafting.wanted = row.drafts->wanted();
  drafting.counts = row.drafts->counts();
  drafting.spelling = row.drafts->spelling();
  drafting.most = row.drafts->most_forced();
  drafting.ngram = row.drafts->ngram();
  drafting.state = state;
  if (row.drafts->from_model()) return add_draft_inputs(row, draw);
  if (drafting.ngram == 0) return;
  const std::span<const TokenId> text = row.drafts->text(row);
  backend_->upload(texts_.data() + std::int64_t{place} * capacity_.context_length, text.data(),
                   text.size() * sizeof(TokenId));
}

/// Of the row that was added last.
void DraftLoop::add_draft_inputs(const Sequence& row, const RowSampling& draw) {
  DraftingRow& drafting = row_drafting_.back();
  const DraftRow& judged = judged_.back();
  const std::int32_t sequence = static_cast<std::int32_t>(judged_.size()) - 1, last = row.token_count() - 1;
  const std::int32_t place = drafting.place = drawing_++;
  const auto first_draw = draft_rows_.begin() + judged.first_logit_row;
  for (std::int32_t i = 0; i < drafting.room; ++i) first_draw[i] = i * plan_.drawing + place;
  drafting.reach = row.drafts->reach;
  drafting.open = drafting.wanted > 0 ? 1 : 0;
  if (drafting.open != 0) {
    RowSampling& first = draft_sampling_[static_cast<std::size_t>(place)] = draw;
    if (judged.coupled == 0) first.random.stream = RandomStream::kDraft;
  }
  if (last >= drafting.reach) return;
  drafts::feed(draft_feed_.view, place, row.token(last), last, sequence);
  if (last > 0) drafts::feed(draft_feed_.view, plan_.drawing + place, row.token(last - 1), last - 1, sequence);
}

void DraftLoop::upload(Workspace& workspace) {
  feed_.upload(workspace, beams_);
  workspace.sampling.upload(sampling_);
  drafting_.upload(row_drafting_);
  verification_->upload(judged_, draft_rows_);
  if (plan_.drawing == 0) return;
  draft_feed_.upload(model_->workspace(), 0);
  model_->workspace().sampling.upload(draft_sampling_);
}

void DraftLoop::share(DraftLoopParams& loop, const Workspace& workspace) const {
  loop.rows = size_;
  loop.slots = slots_;
  loop.drafts = plan_.drawn;
  loop.drawing = plan_.drawing;
  loop.drafting = drafting_.data();
  loop.feed = slots_of(workspace, capacity_, beams_);
  loop.sampling = workspace.sampling.data();
  loop.texts = {texts_.data(), texts_.data() != nullptr ? capacity_.context_length : 0};
  verification_->share(loop);
  if (plan_.drawing == 0) return;
  loop.draft_feed = slots_of(model_->workspace(), capacity_, 0);
  loop.draft_sampling = model_->workspace().sampling.data();
  loop.drawn = model_->workspace().drawn.data();
}

SampleParams DraftLoop::draft(const SampleParams& edits, const DraftLoopParams& loop) {
  SampleParams drawn_from;
  if (plan_.drawing > 0) drawn_from = draw(edits, loop);
  if (plan_.chosen) backend_->propose_drafts(loop);
  return drawn_from;
}

/// Those of the draft model.
SampleParams DraftLoop::draw(const SampleParams& edits, DraftLoopParams loop) {
  for (loop.index = 1; loop.index <= plan_.drawn; ++loop.index) {
    const bool first = loop.index == 1;  // it has not read its last draft, where that was accepted
    const std::int32_t rows = loop.drawing, drawn = (loop.index - 1) * rows;
    model_->read(first ? 2 * rows : rows, drawn, rows);
    backend_->sample(LogitType::kFloat32, model_->draws(edits, drawn, rows));
    backend_->extend_drafts(loop);
  }
  return model_->draws(edits, 0, plan_.drawn * plan_.drawing);
}

void DraftLoop::Slots::reserve(std::size_t count) {
  tokens.reserve(count);
  positions.reserve(count);
  sequences.reserve(count);
}

void DraftLoop::Slots::clear(std::size_t count, const StepCapacity& capacity) {
  tokens.resize(count);
  positions.resize(count);
  sequences.resize(count);
  view = {tokens.data(), positions.data(), sequences.data(), capacity.rows, capacity.filler_tokens()};
  for (std::size_t slot = 0; slot < count; ++slot) drafts::feed_filler(view, static_cast<std::int32_t>(slot));
}

void DraftLoop::Slots::upload(Workspace& workspace, std::int32_t first) const {
  const auto behind = static_cast<std::size_t>(first);
  workspace.tokens.upload(tokens, behind);
  workspace.positions.upload(positions, behind);
  workspace.token_rows.upload(sequences, behind);
}

}  // namespace fllm
