// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "host/engine/engine.h"

// Several tokens in one step: sequences guess what comes next, the model reads the guesses with the last token, and what it
// says behind each decides whether the next one holds.
namespace fllm {

void Engine::propose() {
  verifies_ = false;
  drafting_.clear();
  for (std::int32_t place = 0; place < row_count(); ++place) {
    Sequence& row = *rows_[static_cast<std::size_t>(place)];
    if (row.drafts == nullptr) continue;
    row.drafts->clear();
    if (row.waits || row.missing() != 1) continue;
    if (row.drafts->from_model()) {
      drafting_.push_back(place);
    } else {
      if (row.drafts->open(row)) row.drafts->look_up(row);
      row.step_back();
    }
  }
  if (draft_model_) {
    draft_model_->clear();
    if (rows_changed_ && !drafting_.empty()) upload_static();
    draft_model_->draft(rows_, drafting_, batch_, edits_of(0, 0));
  }
  for (const auto& row : rows_) {
    verifies_ = verifies_ || (!row->drafted().empty() && row->drafts->rule() == SpeculationRule::kRatio);
  }
}

/// A draft holds where it is what the model draws itself, or where it has been weighed and found good enough.
void Engine::accept_drafts() {
  batch_.accepted.clear();
  std::size_t draw = 0;
  for (const std::int32_t place : batch_.drawing) {
    const auto count = rows_[static_cast<std::size_t>(place)]->drafted().size();
    std::size_t accepted = 0;
    while (accepted < count && batch_.drawn[draw + accepted] == batch_.draft_ids[draw + accepted]) ++accepted;
    batch_.accepted.push_back(static_cast<std::int32_t>(accepted));
    draw += count + 1;
  }
  if (verifies_) verification_->apply(batch_);
}

/// Enqueues what weighs the drafts of this step.
void Engine::verify(const SampleParams& target) {
  verification_->resolve(target, draft_model_ ? draft_model_->drawn_from() : SampleParams{}, rows_, batch_);
}

/// A step of a row has come to `taken` tokens; so many of these were drafts.
void Engine::count_drafts(Sequence& row, std::int32_t drafted, std::int32_t taken, std::int32_t accepted) {
  for (SpeculationStats* stats : {&counters_.speculation, &*row.request().completion.speculation}) {
    ++stats->steps;
    stats->tokens += taken;
    stats->drafted_steps += drafted > 0 ? 1 : 0;
    stats->drafted_tokens += drafted;
    stats->accepted_tokens += accepted;
  }
  row.drafts->took(drafted, accepted);
}

/// Of a row that is admitted, whatever it will need for its drafts.
void Engine::reserve_drafts(Sequence& row) {
  if (row.drafts == nullptr) return;
  if (row.drafts->from_model()) draft_model_->reserve(row);
  if (row.drafts->rule() == SpeculationRule::kRatio && !verification_) verification_.emplace(*backend_, capacity_);
}

/// Of the first batch that the device drafts for by itself.
void Engine::reserve_draft_loop(const DraftPlan& plan) {
  if (!verification_) verification_.emplace(*backend_, capacity_);
  if (!draft_loop_) {
    draft_loop_.emplace(*backend_, capacity_, draft_model_ ? &*draft_model_ : nullptr, *verification_);
    read_fillers();
  }
  if (plan.chosen) draft_loop_->reserve_texts();
}

/// By both models: what a filler reads of those in front of it is there then, whichever of them a step has.
void Engine::read_fillers() {
  const std::int32_t first = beams_.row_count();
  draft_loop_->feed_fillers(workspace_, first);
  ForwardBatch batch;
  batch.rows = capacity_.logit_rows;
  batch.tokens = workspace_.tokens.data() + first;
  batch.positions = workspace_.positions.data() + first;
  batch.blocks = {workspace_.block_tables.data(), capacity_.blocks_per_row, workspace_.token_rows.data() + first};
  forward(*backend_, *model_, batch, cache_, workspace_.forward, logits(0, 0));
}

std::int32_t Engine::logit_rows_in_use() const {
  std::int32_t rows = rows_in_use();
  for (const auto& row : rows_) rows += row->request().need.drafts;
  return rows;
}

}  // namespace fllm
