// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "fundamentallm/result.h"
#include "host/engine/beam_result.h"
#include "host/engine/engine.h"

// Beam searches: from a prompt that has been read to hypotheses. Their rows go on by themselves, a few steps ahead of what the host
// has read of them: beside rows that do so too (run_ahead.cpp), or where nobody else is in the batch.
namespace fllm {
namespace {

[[noreturn]] void disagree(const Sequence& sequence) {
  throw Exception(ErrorCode::kInternal, "beam " + std::to_string(sequence.sample()) + ": behind token " +
                                            std::to_string(sequence.generated()) +
                                            " device and host do not agree whether it ends");
}

}  // namespace

void Engine::add_search(RequestState& request) {
  const std::int64_t blocks = std::int64_t{request.need.own_blocks} * (request.need.rows - 1);
  BeamRun& run = beams_.add(request);
  run.blocks.assign(static_cast<std::size_t>(blocks), kNoBlock);
  for (std::int32_t& block : run.blocks) block = cache_.take();
}

/// Those whose prompts have been read but for the last token, which all their beams begin with.
void Engine::begin_searches() {
  for (std::size_t i = 0; i < rows_.size();) {
    Sequence& row = *rows_[i];
    if (!row.request().beam || row.unread() > 0) {
      ++i;
      continue;
    }
    std::unique_ptr<Sequence> reader = std::move(rows_[i]);
    rows_.erase(rows_.begin() + static_cast<std::ptrdiff_t>(i));
    BeamRun& run = *beams_.find(reader->request());
    beams_.begin(run, std::move(reader));
    rows_changed_ = true;
  }
}

void Engine::search() {
  beams_.count_steps(1);
  enqueue_search();
}

/// Three launches: each row's best continuations, each search's best among them, whose past is whose.
void Engine::enqueue_search() {
  const BeamParams params = beams_.params(workspace_);
  SampleParams rows = edits_of(0, params.rows);
  rows.sampling = beams_.sampling();
  rows.allow_mask = automata_.masks();
  rows.history = params.history;
  backend_->beam_candidates(LogitType::kFloat32, {rows, params});
  backend_->beam_select(params);
  backend_->beam_ancestors(params);
}

/// Without the host, and nobody else.
bool Engine::search_ahead(EngineOutput& output) {
  if (!rows_.empty() || beams_.row_count() == 0) return false;
  if (rows_changed_) upload_static();
  while (beams_.may_launch(std::max(steps_ahead_, 1))) {
    beams_.launch([this] { read_resident(0); });
  }
  beams_.wait_for_one();
  take_searches(output);
  return true;
}

/// What searches have told meanwhile.
void Engine::take_searches(EngineOutput& output) {
  std::vector<BeamRun*> over;
  for (const auto& run : beams_.runs()) {
    if (!run->on_device) continue;
    const BeamNews news = beams_.take_news(*run);
    if (news.done) {
      over.push_back(run.get());
      continue;
    }
    for (const std::int32_t token :
         beams_.proven_tokens(*run, run->proven).first(static_cast<std::size_t>(news.proven - run->proven))) {
      add_event(*run->request, take_token(*run->sequence, token, nullptr), output);
      if (run->sequence->finish_reason() != FinishReason::kNone) disagree(*run->sequence);
      ++run->proven;
    }
  }
  for (BeamRun* run : over) end_search(*run, false, output);
  forget_finished_requests(output);
}

/// Its hypotheses become the request's samples, and it leaves the batch. cut_off: live beams count too, as cancelled.
void Engine::end_search(BeamRun& run, bool cut_off, EngineOutput& output) {
  RequestState& request = *run.request;
  std::vector<BeamOutcome> outcomes;
  if (run.on_device) {
    beams_.refresh(run);
    outcomes = read_outcomes(*backend_, run, cut_off);
  }
  std::vector<Sample>& samples = request.completion.samples;
  if (const std::size_t found = std::max<std::size_t>(outcomes.size(), 1); found < samples.size()) {
    request.unfinished -= static_cast<std::int32_t>(samples.size() - found);
    samples.resize(found);
  }
  if (outcomes.empty()) {
    StepEvent event{request.completion.request, 0, {}, {}, FinishReason::kNone};
    if (cut_off) {
      run.sequence->end(FinishReason::kCancelled, event.text);
    } else {
      run.sequence->end_without_support(event.text);
    }
    add_event(request, std::move(event), output);
  }
  for (std::size_t i = 0; i < std::min(outcomes.size(), samples.size()); ++i) {
    const std::int32_t shown = i == 0 ? run.proven : 0;
    if (i == 0) {
      take_outcome(*run.sequence, outcomes[i], shown, output);
    } else {
      Sequence sequence(request, static_cast<std::int32_t>(i), vocabulary_);
      take_outcome(sequence, outcomes[i], shown, output);
    }
  }
  remove_search(run);
}

/// A hypothesis as a sample whose first `shown` tokens have been shown.
void Engine::take_outcome(Sequence& sequence, BeamOutcome& outcome, std::int32_t shown, EngineOutput& output) {
  RequestState& request = sequence.request();
  Sample& sample = request.completion.samples[static_cast<std::size_t>(sequence.sample())];
  const auto first = static_cast<std::size_t>(shown);
  const bool agrees =
      first <= outcome.tokens.size() && std::equal(sample.tokens.begin(), sample.tokens.end(), outcome.tokens.begin());
  if (!agrees) throw Exception(ErrorCode::kInternal, "a beam search has withdrawn a token it had proven");
  sample.beam = BeamScore{outcome.sum, outcome.score, std::move(outcome.logprobs)};
  StepEvent event{request.completion.request, sequence.sample(), {}, {}, FinishReason::kNone};  // of its last token
  for (std::size_t i = first; i < outcome.tokens.size(); ++i) {
    if (i > first) add_event(request, std::move(event), output);
    if (sequence.finish_reason() != FinishReason::kNone) disagree(sequence);
    event = take_token(sequence, outcome.tokens[i], nullptr);
  }
  if (outcome.end == BeamEnd::kNone) sequence.end(FinishReason::kCancelled, event.text);
  if (sequence.finish_reason() == FinishReason::kNone) disagree(sequence);
  sequence.set_sum_logprob(static_cast<double>(outcome.sum));
  if (request.request.logprobs >= 0) sequence.set_details(sample.beam->logprobs);
  add_event(request, std::move(event), output);
}

void Engine::remove_search(BeamRun& run) {
  for (const std::int32_t block : run.blocks) {
    if (block != kNoBlock) cache_.release(block);
  }
  if (run.is_running()) release_blocks(*run.sequence);
  beams_.remove(run);
  rows_changed_ = true;
}

}  // namespace fllm
