// SPDX-License-Identifier: Apache-2.0
#include "host/api/c_result.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "host/api/c_guard.h"
#include "host/api/c_struct.h"

using namespace fllm;

namespace {

fllm_result::Logprobs flat(const Sample& sample) {
  fllm_result::Logprobs made;
  std::size_t most = 0;
  for (const TokenDetail& detail : sample.details) most = std::max(most, detail.top.size());
  made.top_count = static_cast<std::int32_t>(most);
  for (const TokenDetail& detail : sample.details) {
    made.drawn.push_back({detail.drawn.id, detail.drawn.raw, detail.drawn.processed, detail.rank});
    for (std::size_t i = 0; i < most; ++i) {
      constexpr float kNone = -std::numeric_limits<float>::infinity();
      const bool there = i < detail.top.size();
      made.top.push_back(there ? fllm_token_logprob{detail.top[i].id, detail.top[i].raw, detail.top[i].processed,
                                                    static_cast<std::int32_t>(i)}
                               : fllm_token_logprob{-1, kNone, kNone, static_cast<std::int32_t>(i)});
    }
  }
  return made;
}

const fllm_result& given(const fllm_result* result) {
  if (result == nullptr) throw Exception(ErrorCode::kInvalidArgument, "result: NULL: must be given");
  return *result;
}

}  // namespace

fllm_result::fllm_result(Completion taken) : completion(std::move(taken)) {
  for (const Sample& sample : completion.samples) logprobs.push_back(flat(sample));
}

void fllm_result_destroy(fllm_result* result) { delete result; }

fllm_status fllm_result_get_info(const fllm_result* result, fllm_result_info* info) {
  return c_guard([&] {
    const Completion& completion = given(result).completion;
    read_struct(info, "fllm_result_info");
    fllm_result_info made{};
    made.struct_size = sizeof made;
    made.seed = completion.seed;
    made.prompt_tokens = completion.usage.prompt_tokens;
    made.completion_tokens = completion.usage.completion_tokens;
    made.queue_seconds = completion.timing.queue_seconds;
    made.prefill_seconds = completion.timing.prefill_seconds;
    made.decode_seconds = completion.timing.decode_seconds;
    made.sample_count = static_cast<std::int32_t>(completion.samples.size());
    made.cached_tokens = completion.usage.cached_tokens;
    const SpeculationStats stats = completion.speculation.value_or(SpeculationStats{});
    made.speculative_steps = stats.steps;
    made.drafted_steps = stats.drafted_steps;
    made.drafted_tokens = stats.drafted_tokens;
    made.accepted_tokens = stats.accepted_tokens;
    fill_struct(made, info);
  });
}

fllm_status fllm_result_get_sample(const fllm_result* result, int32_t sample, fllm_sample_info* info) {
  return c_guard([&] {
    const Completion& completion = given(result).completion;
    read_struct(info, "fllm_sample_info");
    if (sample < 0 || static_cast<std::size_t>(sample) >= completion.samples.size()) {
      throw Exception(ErrorCode::kInvalidArgument, "sample: " + std::to_string(sample) + ": must be in [0, " +
                                                       std::to_string(completion.samples.size()) + ")");
    }
    const auto index = static_cast<std::size_t>(sample);
    const Sample& from = completion.samples[index];
    const fllm_result::Logprobs& logprobs = result->logprobs[index];
    fllm_sample_info made{};
    made.struct_size = sizeof made;
    made.text = {from.text.data(), from.text.size()};
    made.tokens = from.tokens.data();
    made.token_count = from.tokens.size();
    made.sum_logprob = from.sum_logprob;
    made.logprobs = logprobs.drawn.empty() ? nullptr : logprobs.drawn.data();
    made.top = logprobs.top.empty() ? nullptr : logprobs.top.data();
    made.top_count = logprobs.top_count;
    made.finish_reason = static_cast<std::int32_t>(from.finish_reason);
    made.error = from.error ? status_of(from.error->code) : FLLM_OK;
    if (from.beam) {
      made.beam_logprobs = from.beam->logprobs.data();
      made.beam_sum = from.beam->sum;
      made.beam_score = from.beam->score;
    }
    made.error_message = from.error ? from.error->message.c_str() : "";
    fill_struct(made, info);
  });
}
