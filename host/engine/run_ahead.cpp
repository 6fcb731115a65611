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
// a row that the host ends meanwhile is dropped.
namespace fllm {

/// True: the step is done.
bool Engine::run_ahead(EngineOutput& output) {
  const bool stays =
      loop_.live_count() == row_count() && beams_.empty() && loop_.size() == loop_.size_for(std::max(row_count(), 1));
  if (loop_.running() && !stays && (loop_.live_count() == 0 || loop_.in_flight() == 0)) loop_.stop();
  if (!loop_.running()) {
    if (search_ahead(output)) return true;
    if (!can_run_ahead()) return false;
    if (rows_changed_) upload_static();
    loop_.start(rows_, batch_, workspace_);
  } else if (!stays) {  // the device finishes what it has begun, a step at a time
    take_ahead(output);
    return true;
  }
  while (loop_.may_launch()) {
    loop_.launch([this, rows = loop_.size()] { resident_step(rows); });
  }
  take_ahead(output);
  return true;
}

bool Engine::can_run_ahead() {
  const auto draws = [](const auto& row) { return !row->waits && row->missing() == 1 && !row->needs_host(); };
  if (steps_ahead_ <= 0 || !beams_.empty() || !std::ranges::all_of(rows_, draws)) return false;
  return std::ranges::all_of(rows_, [this](const auto& row) { return row_automata_.prepare(row->request()); });
}

/// What is recorded. Everything it reads lies on the device.
void Engine::resident_step(std::int32_t rows) {
  ForwardBatch batch;
  batch.rows = batch.logit_row_count = rows;
  batch.tokens = workspace_.tokens.data();
  batch.positions = workspace_.positions.data();
  batch.blocks = {workspace_.block_tables.data(), capacity_.blocks_per_row, loop_.row_sequence()};
  forward(*backend_, *model_, batch, cache_, workspace_.forward, logits(0, rows));

  SampleParams params = sample_params(0, rows);
  params.history = loop_.history(workspace_);
  params.advance = 1;  // their histories
  params.allow_mask = automata_.masks();
  backend_->sample(LogitType::kFloat32, params);
  backend_->commit_rows(loop_.commit_params(workspace_));
}

void Engine::take_ahead(EngineOutput& output) {
  const std::span<const std::uint32_t> words = loop_.take();
  for (std::size_t place = 0; place < words.size(); ++place) {
    Sequence* row = loop_.row(place);
    if (row == nullptr) continue;
    ++row->cached;
    const TokenId drawn = token_of(words[place]);
    if (words[place] != kIdleWord && drawn != kNothingDrawn && !row->allows(drawn)) {
      throw Exception(ErrorCode::kInternal, "row " + std::to_string(place) + ": the device has drawn token " +
                                                std::to_string(drawn) + ", the host allows others");
    }
    StepEvent event = take_token(*row, drawn, nullptr);
    const bool ended = row->finish_reason() != FinishReason::kNone;
    if (words[place] == kIdleWord || (finishes(words[place]) && !ended)) {
      throw Exception(ErrorCode::kInternal, "row " + std::to_string(place) + ": the device has ended it, the host not");
    }
    if (ended) {
      row->set_sum_logprob(finishes(words[place]) ? loop_.final_sum(place) : loop_.newer_sum(*row).value());
    }
    add_event(row->request(), std::move(event), output);
  }
  remove_finished_rows();
  forget_finished_requests(output);
}

}  // namespace fllm
