// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include "host/engine/engine.h"

// One generation step, top to bottom.
namespace fllm {

void Engine::step(EngineOutput& output) {
  ++step_number_;
  admit(output);     // 1 who joins
  begin_searches();  // 2 whose prompt is through
  if (rows_.empty() && beams_.row_count() == 0) return;
  if (run_ahead(output)) return;         // 3 nobody reads a prompt or needs the host: the device goes on by itself
  propose();                             // 4 what rows that speculate expect to draw
  plan();                                // 5 which tokens the model sees: last ones of rows that draw, parts of prompts
  if (rows_changed_) upload_static();    // 6 what stays the same while the rows do
  feed();                                // 7 all of them in one forward pass
  share_prompts();                       // 8 the other samples of prompts that are through
  if (beams_.row_count() > 0) search();  // 9 the best continuations of all beams
  if (!batch_.drawing.empty()) {
    sample();         // 10 one token for each row that lacks nothing, and one behind each draft
    accept_drafts();  // 11 how many drafts of each row hold
    commit(output);   // 12 stop rules, text, events
  }
  if (beams_.row_count() > 0) {
    beams_.wait_for_all();
    take_searches(output);  // 13 what beams agree on, and hypotheses
  }
}

void Engine::upload_static() {
  beams_.wait_for_all();
  batch_.fill_static(rows_, beams_.runs());
  const auto first_beam = static_cast<std::size_t>(capacity_.beam_sequence(beams_.row_count()));
  workspace_.block_tables.upload(batch_.block_tables);
  workspace_.block_tables.upload(batch_.beam_tables, first_beam * static_cast<std::size_t>(capacity_.blocks_per_row));
  workspace_.ids.upload(batch_.ids);
  workspace_.bias.upload(batch_.bias);
  beams_.lay_out(workspace_);
  if (draft_model_) draft_model_->upload_tables(rows_);
  rows_changed_ = false;
}

void Engine::feed() {
  const auto beams = static_cast<std::size_t>(batch_.beam_rows);
  workspace_.tokens.upload(batch_.tokens, beams);
  workspace_.positions.upload(batch_.positions, beams);
  workspace_.token_rows.upload(batch_.token_rows, beams);
  ForwardBatch batch;
  batch.rows = batch_.beam_rows + static_cast<std::int32_t>(batch_.tokens.size());
  batch.logit_row_count = batch_.beam_rows + batch_.draw_count();
  batch.tokens = workspace_.tokens.data();
  batch.positions = workspace_.positions.data();
  const bool every_row_draws = batch_.drawing.size() == rows_.size() && batch_.tokens.size() == rows_.size();
  batch.blocks = block_tables();
  if (!every_row_draws || !prefilling_.empty()) {
    workspace_.logit_tokens.upload(batch_.logit_tokens);
    batch.logit_rows = workspace_.logit_tokens.data();
  }
  if (batch.rows == 0) return;  // a prompt was found to be there
  forward(*backend_, *model_, batch, cache_, workspace_.forward, logits(0, batch.logit_row_count));
  for (const auto& row : rows_) row->cached += row->feeding;
}

void Engine::share_prompts() {
  for (std::size_t i = 0; waiting_count_ > 0 && i + 1 < rows_.size(); ++i) {
    if (!rows_[i]->waits && rows_[i + 1]->waits && rows_[i]->missing() == 0) share_prompt(i);
  }
}

void Engine::sample() {
  batch_.fill_sampling(rows_, true);  // host work; a device is still busy with the forward pass
  workspace_.sampling.upload(batch_.draws.sampling);
  workspace_.masks.upload(batch_.draws.masks);
  workspace_.counts.upload(batch_.draws.counts);

  SampleParams params = sample_params(batch_.beam_rows, batch_.draw_count());
  if (verifies_) verification_->prepare(batch_, params);
  backend_->sample(LogitType::kFloat32, params);
  if (verifies_) verify(params);

  const auto rows = static_cast<std::size_t>(params.rows);
  backend_->download(batch_.drawn.data(), params.tokens, rows * sizeof(std::int32_t));
  backend_->download(batch_.details.data(), params.details, rows * sizeof(SampleDetail));
  if (params.top != nullptr) {
    backend_->download(batch_.top.data(), params.top,
                       rows * static_cast<std::size_t>(params.top_count) * sizeof(TopEntry));
  }
  backend_->synchronize();  // the only wait of a step, but where a draft model guesses
}

void Engine::commit(EngineOutput& output) {
  std::size_t draw = 0;
  for (std::size_t i = 0; i < batch_.drawing.size(); ++i) {
    Sequence& row = *rows_[static_cast<std::size_t>(batch_.drawing[i])];
    std::int32_t taken = 0;
    for (; taken <= batch_.accepted[i] && row.finish_reason() == FinishReason::kNone; ++taken) {
      const std::size_t place = draw + static_cast<std::size_t>(taken);
      const DrawDetail detail{batch_.details[place], batch_.top_of(place)};
      row.cached += taken > 0 ? 1 : 0;  // the draft before it holds: the model has read it
      add_event(row.request(), take_token(row, batch_.drawn[place], &detail), output);
    }
    const std::size_t drafted = row.drafted().size();
    draw += drafted + 1;
    if (row.drafts == nullptr) continue;
    count_drafts(row, static_cast<std::int32_t>(drafted), taken, std::min(taken, batch_.accepted[i]));
  }
  remove_finished_rows();
  forget_finished_requests(output);
}

StepEvent Engine::take_token(Sequence& row, std::int32_t drawn, const DrawDetail* detail) {
  RequestState& request = row.request();
  StepEvent event;
  event.request = request.completion.request;
  event.sample = row.sample();
  try {
    if (drawn == kNothingDrawn) {
      row.end_without_support(event.text);
    } else {
      event.token = drawn;
      ++counters_.tokens_generated;
      row.append(drawn, detail, event.text);
      if (!request.first_token) request.first_token = Clock::now();
    }
  } catch (const std::exception& fault) {  // of this request alone: there is no memory for its text
    row.fail({ErrorCode::kOutOfMemory, std::string("a token could not be added: ") + fault.what()}, event.text);
  }
  return event;
}

}  // namespace fllm
