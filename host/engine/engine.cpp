// SPDX-License-Identifier: Apache-2.0
#include "host/engine/engine.h"

#include <algorithm>
#include <string>
#include <utility>

#include "fundamentallm/result.h"

namespace fllm {
namespace {

std::int64_t block_bytes(const ModelConfig& config) {
  return std::int64_t{2} * config.num_layers * config.kv_width() * kKvBlockTokens *
         static_cast<std::int64_t>(sizeof(float));
}

StepCapacity step_capacity(const ModelConfig& config, const EngineLimits& limits, std::int32_t vocab) {
  if (limits.max_rows < 1 || limits.max_rows > 4096) {
    throw Exception(ErrorCode::kInvalidArgument,
                    "max_rows: " + std::to_string(limits.max_rows) + ": must be in [1, 4096]");
  }
  return {limits.max_rows, config.sequence_length, vocab, KvCache::blocks_for(config.sequence_length)};
}

std::int32_t cache_blocks(const Backend& backend, const ModelConfig& config, const EngineLimits& limits,
                          const StepCapacity& capacity) {
  const std::int64_t full = std::int64_t{capacity.rows} * capacity.blocks_per_row;
  if (limits.kv_cache_bytes < 0) {
    throw Exception(ErrorCode::kInvalidArgument, "kv_cache_bytes: " + std::to_string(limits.kv_cache_bytes) +
                                                     ": must be at least 0 (0 is automatic)");
  }
  const std::int64_t half_of_free = static_cast<std::int64_t>(backend.memory().free_bytes / 2);
  const std::int64_t bytes = limits.kv_cache_bytes > 0 ? limits.kv_cache_bytes : half_of_free;
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(bytes / block_bytes(config), 1, full));
}

}  // namespace

Engine::Engine(Backend& backend, const Model& model, const Tokenizer& tokenizer, const EngineLimits& limits)
    : backend_(&backend),
      model_(&model),
      vocabulary_(tokenizer, model),
      preparer_(tokenizer, vocabulary_, model.config.sequence_length),
      capacity_(step_capacity(model.config, limits, vocabulary_.size())),
      cache_(backend, model.config, cache_blocks(backend, model.config, limits, capacity_)),
      workspace_(backend, model.config, capacity_),
      batch_(capacity_),
      scheduler_({capacity_.rows, cache_.block_count()}) {
  rows_.reserve(capacity_.row_count());
}

RequestId Engine::submit(Request request) {
  check_usable();
  std::unique_ptr<RequestState> state = preparer_.prepare(std::move(request));
  if (scheduler_.wave_samples(state->need) == 0) {
    const std::int64_t bytes = block_bytes(model_->config);
    throw Exception(ErrorCode::kOutOfMemory,
                    "one sample of " + std::to_string(state->token_limit) + " tokens needs " +
                        std::to_string((state->need.shared_blocks + state->need.own_blocks) * bytes) +
                        " bytes of KV cache, which has " + std::to_string(cache_.block_count() * bytes) +
                        "; shorten it or give the cache more memory");
  }
  const RequestId id{next_request_++};
  state->need.request = id;
  state->completion.request = id;
  state->submitted = Clock::now();
  scheduler_.enqueue(state->need);
  requests_.emplace(id, std::move(state));
  return id;
}

std::vector<StepEvent> Engine::step() {
  check_usable();
  std::vector<StepEvent> events;
  try {
    run_step(events);
  } catch (const Exception& error) {
    failure_ = Error{error.code(), error.what()};
    throw;
  }
  return events;
}

bool Engine::finished(RequestId id) const {
  const auto found = requests_.find(id);
  return found == requests_.end() || found->second->unfinished == 0;
}

void Engine::cancel(RequestId id) {
  const auto found = requests_.find(id);
  if (found == requests_.end() || found->second->unfinished == 0) return;
  scheduler_.remove(id);
  for (const auto& row : rows_) {
    if (&row->request() != found->second.get()) continue;
    Sample& sample = found->second->completion.samples[static_cast<std::size_t>(row->sample())];
    row->end(FinishReason::kCancelled, sample.text);
  }
  for (Sample& sample : found->second->completion.samples) {
    if (sample.finish_reason == FinishReason::kNone) sample.finish_reason = FinishReason::kCancelled;
  }
  remove_finished_rows();
  found->second->unfinished = 1;
  finish_sample(*found->second);
}

Completion Engine::take(RequestId id) {
  const auto found = requests_.find(id);
  const std::string name = "request " + std::to_string(static_cast<std::uint64_t>(id));
  if (found == requests_.end()) {
    throw Exception(ErrorCode::kInvalidArgument, name + ": unknown, or taken before");
  }
  if (found->second->unfinished > 0) {
    throw Exception(ErrorCode::kInvalidArgument,
                    name + ": " + std::to_string(found->second->unfinished) + " of its samples are not finished");
  }
  Completion completion = std::move(found->second->completion);
  requests_.erase(found);
  return completion;
}

void Engine::finish_sample(RequestState& request) {
  if (--request.unfinished > 0) return;
  const auto seconds = [](Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
  };
  const Clock::time_point now = Clock::now(), admitted = request.admitted.value_or(now);
  const Clock::time_point first_token = request.first_token.value_or(now);
  Completion& completion = request.completion;
  completion.timing = {seconds(request.submitted, admitted), seconds(admitted, first_token), seconds(first_token, now)};
  for (const Sample& sample : completion.samples) {
    completion.usage.completion_tokens += static_cast<std::int64_t>(sample.tokens.size());
  }
}

void Engine::check_usable() const {
  if (failure_) throw Exception(failure_->code, "an earlier step failed: " + failure_->message);
}

}  // namespace fllm
