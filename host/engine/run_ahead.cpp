// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "fundamentallm/result.h"
#include "host/engine/engine.h"

// Steps without the host: while nobody comes and no row needs anything of it, the device goes from token to token by
// itself, a few steps ahead of what the host has read, turned into text and searched for stop strings. What it has drawn for
// a row that the host ends meanwhile is dropped. Searches that run beside such rows take part in the same steps.
namespace fllm {

/// True: the step is done.
bool Engine::run_ahead(EngineOutput& output) {
  if (loop_.running() && !loop_fits()) {
    if (loop_.live_count() > 0 && loop_.in_flight() > 0) {  // the device finishes what it has begun, a step at a time
      take_ahead(output);
      return true;
    }
    loop_.stop();
  }
  if (!loop_.running()) {
    if (search_ahead(output)) return true;
    if (!can_run_ahead()) return false;
    const DraftPlan plan = plan_drafts();
    if (plan.drawing > 0 && !can_draw_ahead(plan)) return false;
    if (rows_changed_) upload_static();
    if (plan.drafts > 0) reserve_draft_loop(plan);
    spare_steps_ = 0;
    loop_.start(rows_, plan, beams_.layout(), batch_, workspace_, draft_loop_ ? &*draft_loop_ : nullptr);
  }
  while (may_launch()) {
    beams_.count_steps(1);
    loop_.launch([this] { loop_.plan().drafts > 0 ? drafting_step() : resident_step(); });
  }
  take_ahead(output);
  return true;
}

/// Whether the loop that runs has all rows and searches, in steps that are as short as they need be.
bool Engine::loop_fits() {
  return loop_.live_count() == row_count() && row_count() > 0 && loop_.searches() == beams_.layout() &&
         loop_.size() == loop_.size_for(row_count(), loop_.plan(), loop_.searches()) && drafts_fit();
}

bool Engine::can_run_ahead() {
  // Where replaying saves nothing, slots without a draft cost what the host's steps do not have.
  const bool holds_drafts = backend_->replay_pays();
  const auto draws = [holds_drafts](const auto& row) {
    return !row->waits && row->missing() == 1 && !row->needs_host() && (row->drafts == nullptr || holds_drafts);
  };
  if (steps_ahead_ <= 0 || !std::ranges::all_of(rows_, draws)) return false;
  return std::ranges::all_of(rows_, [this](const auto& row) { return row_automata_.prepare(row->request()); });
}

bool Engine::can_draw_ahead(const DraftPlan& plan) const {
  return draft_model_->context_length() >= capacity_.filler_tokens() && draws_fit(plan.drawing, plan.drawn);
}

/// What is recorded. Everything it reads lies on the device.
void Engine::resident_step() {
  const std::int32_t rows = loop_.size();
  read_resident(rows);
  SampleParams params = resident(sample_params(loop_.searches().rows, rows));
  params.advance = 1;  // their histories
  backend_->sample(LogitType::kFloat32, params);
  backend_->commit_rows(loop_.commit_params(workspace_));
}

/// Likewise with drafts.
void Engine::drafting_step() {
  DraftLoopParams loop = loop_.draft_params(workspace_);
  draft_loop_->share(loop, workspace_);
  const SampleParams drawn_from = draft_loop_->draft(resident(edits_of(0, 0)), loop);
  read_resident(loop.slots);
  verification_->resolve_resident(resident(sample_params(loop_.searches().rows, loop.slots)), drawn_from, loop.rows);
  backend_->commit_drafts(loop);
}

/// All beams, and so many slots behind them; the searches go on from there.
void Engine::read_resident(std::int32_t slots) {
  ForwardBatch batch;
  batch.rows = batch.logit_row_count = beams_.row_count() + slots;
  batch.tokens = workspace_.tokens.data();
  batch.positions = workspace_.positions.data();
  batch.blocks = block_tables();
  forward(*backend_, *model_, batch, cache_, workspace_.forward, logits(0, batch.rows));
  if (beams_.row_count() > 0) enqueue_search();
}

/// With histories and masks that stay on the device.
SampleParams Engine::resident(SampleParams params) const {
  params.history = loop_.history(workspace_);
  params.allow_mask = automata_.masks();
  return params;
}

void Engine::take_ahead(EngineOutput& output) {
  loop_.take();
  for (std::size_t place = 0; place < static_cast<std::size_t>(loop_.size()); ++place) {
    Sequence* row = loop_.row(place);
    if (row != nullptr) take_words(*row, place, output);
  }
  remove_finished_rows();
  take_searches(output);  // its news come before the words of a step
}

/// Of a row that the host has not ended: what the device has come to in a step.
void Engine::take_words(Sequence& row, std::size_t place, EngineOutput& output) {
  const std::span<const std::uint32_t> words = loop_.words(place);
  const std::int32_t room = loop_.room(place);
  if (row.drafts != nullptr) row.drafts->foresee(row);
  if (words[0] == kIdleWord && room > 0 && row.drafts->wanted() > room) return;  // it waits for steps with more drafts
  std::int32_t taken = 0;
  for (std::size_t i = 0; i < words.size() && row.finish_reason() == FinishReason::kNone; ++i, ++taken) {
    ++row.cached;
    const TokenId drawn = token_of(words[i]);
    if (words[i] != kIdleWord && drawn != kNothingDrawn && !row.allows(drawn)) {
      throw Exception(ErrorCode::kInternal, "row " + std::to_string(place) + ": the device has drawn token " +
                                                std::to_string(drawn) + ", the host allows others");
    }
    StepEvent event = take_token(row, drawn, nullptr);
    const bool ended = row.finish_reason() != FinishReason::kNone;
    if (words[i] == kIdleWord || (finishes(words[i]) && !ended)) {
      throw Exception(ErrorCode::kInternal, "row " + std::to_string(place) + ": the device has ended it, the host not");
    }
    if (ended) row.set_sum_logprob(finishes(words[i]) ? loop_.final_sum(place) : loop_.sum_behind(place, i));
    add_event(row.request(), std::move(event), output);
  }
  if (row.drafts != nullptr) {
    count_drafts(row, drafted_of(words[0]), taken, std::min(taken, accepted_of(words[0])));
  }
}

}  // namespace fllm
