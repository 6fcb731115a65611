// SPDX-License-Identifier: Apache-2.0
#include "host/engine/draft_loop.h"

#include <algorithm>
#include <cstddef>

#include "host/engine/sequence.h"

namespace fllm {
namespace {

FeedSlots slots_of(const Workspace& workspace, const StepCapacity& capacity) {
  return {workspace.tokens.data(), workspace.positions.data(), workspace.token_rows.data(), capacity.rows,
          capacity.filler_tokens()};
}

RowSampling idle_draw() {
  RowSampling draw;
  draw.temperature = 0;
  return draw;
}

}  // namespace

DraftLoop::DraftLoop(Backend& backend, const StepCapacity& capacity, DraftModel& model, Verification& verification)
    : backend_(&backend),
      capacity_(capacity),
      model_(&model),
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

void DraftLoop::feed_fillers(Workspace& workspace) {
  for (Workspace* each : {&workspace, &model_->workspace()}) {
    feed_.clear(capacity_.logit_row_count(), capacity_);
    feed_.upload(*each);
  }
  model_->read(capacity_.logit_rows, 0, 0);
}

void DraftLoop::start(Rows rows, std::span<const RowSampling> draws, std::span<const ResidentRow> states,
                      std::int32_t drafts, Workspace& workspace) {
  const std::size_t size = states.size(), row_slots = static_cast<std::size_t>(drafts) + 1, slots = size * row_slots;
  size_ = static_cast<std::int32_t>(size);
  drafts_ = drafts;
  model_->catch_up(rows);
  feed_.clear(slots, capacity_);
  draft_feed_.clear(2 * size, capacity_);
  sampling_.assign(slots, idle_draw());
  draft_sampling_.assign(size * static_cast<std::size_t>(drafts), idle_draw());
  row_drafting_.clear();
  judged_.clear();
  for (std::size_t i = 0; i < rows.size(); ++i) add_row(*rows[i], draws[i], states[i].state);
  while (judged_.size() < size) add_idle_row();
  draft_rows_.assign(slots, -1);
  for (std::size_t slot = 0; slot < slots; ++slot) {
    const auto row = static_cast<std::int32_t>(slot / row_slots), index = static_cast<std::int32_t>(slot % row_slots);
    if (index < drafts) draft_rows_[slot] = index * size_ + row;
  }
  upload(workspace);
}

void DraftLoop::add_row(const Sequence& row, const RowSampling& draw, std::int32_t state) {
  const std::size_t place = judged_.size(), slot = place * (static_cast<std::size_t>(drafts_) + 1);
  const std::int32_t last = row.token_count() - 1, sequence = static_cast<std::int32_t>(place);
  const bool drafts = row.drafts != nullptr;
  const bool coupled = !drafts || row.drafts->rule() == SpeculationRule::kCoupled;
  judged_.push_back({static_cast<std::int32_t>(slot), 0, -1, coupled ? 1 : 0});
  feed_.set(slot, row.token(last), last, sequence);
  sampling_[slot] = draw;
  DraftingRow& drafting = row_drafting_.emplace_back();
  if (!drafts) return;
  drafting.length = row.drafts->length();
  drafting.reach = model_->context_length();
  drafting.wanted = model_->wanted(row);
  drafting.open = drafting.wanted > 0 ? 1 : 0;
  drafting.state = state;
  if (drafting.open != 0) {
    draft_sampling_[place] = draw;
    if (!coupled) draft_sampling_[place].random.stream = RandomStream::kDraft;
  }
  if (last >= drafting.reach) return;
  draft_feed_.set(place, row.token(last), last, sequence);
  if (last > 0) draft_feed_.set(static_cast<std::size_t>(size_) + place, row.token(last - 1), last - 1, sequence);
}

void DraftLoop::add_idle_row() {
  const auto slot = static_cast<std::int32_t>(judged_.size()) * (drafts_ + 1);
  judged_.push_back({slot, 0, -1, 1});
  row_drafting_.emplace_back();
}

void DraftLoop::upload(Workspace& workspace) {
  feed_.upload(workspace);
  workspace.sampling.upload(sampling_);
  Workspace& of_drafts = model_->workspace();
  draft_feed_.upload(of_drafts);
  of_drafts.sampling.upload(draft_sampling_);
  drafting_.upload(row_drafting_);
  verification_->upload(judged_, draft_rows_);
}

void DraftLoop::share(DraftLoopParams& loop, const Workspace& workspace) const {
  loop.rows = size_;
  loop.drafts = drafts_;
  loop.drafting = drafting_.data();
  loop.feed = slots_of(workspace, capacity_);
  loop.sampling = workspace.sampling.data();
  loop.draft_feed = slots_of(model_->workspace(), capacity_);
  loop.draft_sampling = model_->workspace().sampling.data();
  loop.drawn = model_->workspace().drawn.data();
  verification_->share(loop);
}

SampleParams DraftLoop::draft(const SampleParams& edits, DraftLoopParams loop) {
  for (loop.index = 1; loop.index <= drafts_; ++loop.index) {
    const bool first = loop.index == 1;  // it has not read its last draft, where that was accepted
    const std::int32_t drawn = (loop.index - 1) * size_;
    model_->read(first ? 2 * size_ : size_, drawn, size_);
    backend_->sample(LogitType::kFloat32, model_->draws(edits, drawn, size_));
    backend_->extend_drafts(loop);
  }
  return model_->draws(edits, 0, drafts_ * size_);
}

void DraftLoop::Slots::reserve(std::size_t count) {
  tokens.reserve(count);
  positions.reserve(count);
  sequences.reserve(count);
}

void DraftLoop::Slots::clear(std::size_t count, const StepCapacity& capacity) {
  tokens.assign(count, 0);
  positions.resize(count);
  sequences.resize(count);
  const std::int32_t each = capacity.filler_tokens();
  for (std::size_t slot = 0; slot < count; ++slot) {
    const auto number = static_cast<std::int32_t>(slot);
    positions[slot] = number % each;
    sequences[slot] = capacity.rows + number / each;
  }
}

void DraftLoop::Slots::set(std::size_t slot, TokenId token, std::int32_t position, std::int32_t sequence) {
  tokens[slot] = token;
  positions[slot] = position;
  sequences[slot] = sequence;
}

void DraftLoop::Slots::upload(Workspace& workspace) const {
  workspace.tokens.upload(tokens);
  workspace.positions.upload(positions);
  workspace.token_rows.upload(sequences);
}

}  // namespace fllm
