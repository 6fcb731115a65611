// SPDX-License-Identifier: Apache-2.0
#include "host/engine/engine.h"

#include <algorithm>
#include <string>
#include <utility>

#include "fundamentallm/result.h"
#include "host/engine/same_tokens.h"
#include "host/model/open_model.h"
#include "host/util/violations.h"

namespace fllm {
namespace {

std::int64_t block_bytes(const ModelConfig& config) {
  return std::int64_t{2} * config.num_layers * config.kv_width() * kKvBlockTokens *
         static_cast<std::int64_t>(sizeof(float));
}

StepCapacity step_capacity(const ModelConfig& config, const EngineLimits& limits, std::int32_t vocab,
                           const Backend& backend) {
  Violations found;
  found.require(limits.max_rows >= 1 && limits.max_rows <= 4096, "max_rows", limits.max_rows, "must be in [1, 4096]");
  found.require(limits.kv_cache_bytes >= 0, "kv_cache_bytes", limits.kv_cache_bytes,
                "must be at least 0 (0 is automatic)");
  found.require(limits.prefill_tokens >= kKvBlockTokens && limits.prefill_tokens <= 65536, "prefill_tokens",
                limits.prefill_tokens, "must be in [16, 65536]");
  found.require(limits.steps_ahead >= -1 && limits.steps_ahead <= 64, "steps_ahead", limits.steps_ahead,
                "must be in [-1, 64] (-1 is automatic)");
  refuse_violations(found.lines());
  // More is never needed: that many tokens fill every row.
  const std::int32_t blocks = KvCache::blocks_for(config.sequence_length);
  const std::int64_t most = std::int64_t{limits.max_rows} * blocks * kKvBlockTokens;
  const auto prefill = static_cast<std::int32_t>(std::min<std::int64_t>(limits.prefill_tokens, most));
  StepCapacity capacity{limits.max_rows, config.sequence_length, vocab, blocks, prefill};
  // Drafts have the rows that no sequence has; of a small batch some that are there for them alone.
  constexpr std::int32_t kForDrafts = 128;
  capacity.logit_rows = std::max(limits.max_rows, std::min(limits.max_rows * (1 + kMaxDraftTokens), kForDrafts));
  if (backend.replay_pays()) {  // all drafts of a recorded step may be fillers
    capacity.filler_blocks = (capacity.logit_rows + capacity.filler_tokens() - 1) / capacity.filler_tokens();
  }
  return capacity;
}

std::int32_t steps_ahead(const Backend& backend, const EngineLimits& limits) {
  constexpr std::int32_t kOfDevices = 4;  // the host's delays are a few steps of a small model at most
  if (limits.steps_ahead >= 0) return limits.steps_ahead;
  return backend.replay_pays() ? kOfDevices : 1;
}

std::int32_t cache_blocks(const Backend& backend, const ModelConfig& config, const EngineLimits& limits,
                          const StepCapacity& capacity, const OpenedModel* draft) {
  const std::int64_t full = std::int64_t{capacity.rows} * capacity.blocks_per_row;
  const std::int64_t half_of_free = static_cast<std::int64_t>(backend.memory().free_bytes / 2);
  const std::int64_t bytes = limits.kv_cache_bytes > 0 ? limits.kv_cache_bytes : half_of_free;
  const std::int64_t of_block = block_bytes(config) + (draft != nullptr ? block_bytes(draft->model.config) : 0);
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(bytes / of_block, 1, full));
}

}  // namespace

Engine::Engine(Backend& backend, const Model& model, const Tokenizer& tokenizer, const EngineLimits& limits,
               const OpenedModel* draft)
    : backend_(&backend),
      model_(&model),
      vocabulary_(tokenizer, model),
      preparer_(tokenizer, vocabulary_, model.config.sequence_length),
      capacity_(step_capacity(model.config, limits, vocabulary_.size(), backend)),
      cache_(backend, model.config, cache_blocks(backend, model.config, limits, capacity_, draft),
             capacity_.filler_blocks),
      prefixes_(cache_),
      prefix_cache_(limits.prefix_cache),
      workspace_(backend, model.config, capacity_),
      batch_(capacity_),
      steps_ahead_(steps_ahead(backend, limits)),
      automata_(backend, capacity_, vocabulary_),
      row_automata_(automata_, capacity_),
      loop_(backend, capacity_, std::max(steps_ahead_, 1), automata_),
      beams_(backend, capacity_, automata_) {
  rows_.reserve(capacity_.row_count());
  prefilling_.reserve(capacity_.row_count());
  found_.reserve(static_cast<std::size_t>(capacity_.blocks_per_row));
  drafting_.reserve(capacity_.row_count());
  workspace_.upload_filler_tables(capacity_, cache_.block_count());
  if (draft == nullptr) return;
  require_same_tokens(tokenizer, *draft->tokenizer, draft->model.path);
  draft_model_.emplace(backend, draft->model, capacity_, cache_.block_count());
}

std::unique_ptr<RequestState> Engine::prepare(Request request) {
  std::unique_ptr<RequestState> state = preparer_.prepare(std::move(request));
  check_beams(*state);
  check_speculation(*state);
  const std::int64_t needed =
      std::int64_t{state->need.shared_blocks} + state->need.sample_blocks();  // of a draft model too
  if (needed > cache_.block_count()) {
    const auto in_blocks = [bytes = block_bytes(model_->config)](std::int64_t blocks) {
      return std::to_string(blocks) + " blocks (" + std::to_string(blocks * bytes) + " bytes)";
    };
    throw Exception(ErrorCode::kOutOfMemory, "one sample of " + std::to_string(state->token_limit) + " tokens needs " +
                                                 in_blocks(needed) + " of KV cache, which has " +
                                                 in_blocks(cache_.block_count()) +
                                                 "; shorten it or give the cache more memory");
  }
  return state;
}

void Engine::check_beams(const RequestState& request) const {
  if (!request.beam) return;
  if (request.need.rows > capacity_.rows) {
    throw Exception(ErrorCode::kInvalidArgument, "beam_width: " + std::to_string(request.need.rows) +
                                                     ": the batch has " + std::to_string(capacity_.rows) +
                                                     " rows: at most so many beams are allowed (max_rows)");
  }
  const std::size_t bytes = BeamArrays(*request.beam).bytes, most = BeamMemory::bytes_for(capacity_);
  if (bytes > most) {
    throw Exception(ErrorCode::kOutOfMemory, "beam_width: " + std::to_string(request.need.rows) + ": beams of " +
                                                 std::to_string(request.beam->rules.max_length) + " tokens need " +
                                                 std::to_string(bytes) + " bytes; a search may have " +
                                                 std::to_string(most));
  }
}

void Engine::check_speculation(const RequestState& request) const {
  if (!request.request.speculation || !asks_model(*request.request.speculation) || draft_model_) return;
  throw Exception(ErrorCode::kInvalidArgument,
                  "speculation: nothing to guess from: no draft_model is open, prompt_lookup is 0, and there is no "
                  "draft_forced");
}

void Engine::enqueue(std::unique_ptr<RequestState> request) {
  const RequestId id = request->completion.request;
  request->need.request = id;
  scheduler_.enqueue(request->need);
  requests_.emplace(id, std::move(request));
}

void Engine::end(RequestId id, const Error* error, EngineOutput& output) {
  const auto found = requests_.find(id);
  if (found == requests_.end()) return;
  RequestState& request = *found->second;
  scheduler_.remove(id);
  if (BeamRun* run = beams_.find(request); run != nullptr && run->is_running()) {
    if (error == nullptr) {
      end_search(*run, true, output);
    } else {
      StepEvent event{id, 0, {}, {}, FinishReason::kNone};
      run->sequence->fail(*error, event.text);
      add_event(request, std::move(event), output);
      backend_->synchronize();  // no step writes what the search gives back
      remove_search(*run);
    }
  }
  for (const auto& row : rows_) {
    if (&row->request() != &request) continue;
    StepEvent event{id, row->sample(), {}, {}, FinishReason::kNone};
    if (const auto sum = loop_.newer_sum(*row)) row->set_sum_logprob(*sum);
    if (error != nullptr) {
      row->fail(*error, event.text);
    } else {
      row->end(FinishReason::kCancelled, event.text);
    }
    add_event(request, std::move(event), output);
  }
  for (std::size_t i = 0; i < request.completion.samples.size(); ++i) {  // those that never began
    Sample& sample = request.completion.samples[i];
    if (sample.finish_reason != FinishReason::kNone) continue;
    sample.finish_reason = error != nullptr ? FinishReason::kError : FinishReason::kCancelled;
    if (error != nullptr) sample.error = *error;
    add_event(request, {id, static_cast<std::int32_t>(i), {}, {}, FinishReason::kNone}, output);
  }
  remove_finished_rows();
  forget_finished_requests(output);
}

void Engine::add_event(RequestState& request, StepEvent event, EngineOutput& output) {
  Sample& sample = request.completion.samples[static_cast<std::size_t>(event.sample)];
  sample.text += event.text;
  if (event.token && !sample.details.empty()) event.detail = sample.details.back();
  event.finish_reason = sample.finish_reason;
  const bool ended = event.finish_reason != FinishReason::kNone;
  output.ended.push_back(ended ? &sample : nullptr);
  output.events.push_back(std::move(event));
  if (ended && --request.unfinished == 0) {
    output.events.back().last = true;
    done_.push_back(request.completion.request);
  }
}

void Engine::forget_finished_requests(EngineOutput& output) {
  const auto seconds = [](Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
  };
  for (const RequestId id : done_) {
    const auto found = requests_.find(id);
    RequestState& request = *found->second;
    const Clock::time_point now = Clock::now(), admitted = request.admitted.value_or(now);
    const Clock::time_point first_token = request.first_token.value_or(now);
    Completion& completion = request.completion;
    completion.timing = {seconds(request.submitted, admitted), seconds(admitted, first_token),
                         seconds(first_token, now)};
    for (const Sample& sample : completion.samples) {
      completion.usage.completion_tokens += static_cast<std::int64_t>(sample.tokens.size());
    }
    output.finished.push_back(std::move(completion));
    row_automata_.release(request);
    requests_.erase(found);
    ++counters_.requests_finished;
  }
  done_.clear();
}

Metrics Engine::metrics() const {
  Metrics metrics = counters_;
  metrics.queued_requests = static_cast<std::int64_t>(scheduler_.size());
  metrics.running_rows = rows_in_use();
  metrics.blocks_total = cache_.block_count();
  metrics.blocks_free = cache_.free_block_count();
  metrics.blocks_used = metrics.blocks_total - metrics.blocks_free;
  metrics.blocks_cached = cache_.idle_block_count();
  metrics.steps = static_cast<std::int64_t>(step_number_);
  return metrics;
}

}  // namespace fllm
