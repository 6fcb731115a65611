// SPDX-License-Identifier: Apache-2.0
#include "python/src/generator.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <utility>

namespace nb = nanobind;

namespace fllm::python {
namespace {

fllm::Generator opened(const std::string& path, const EngineOptions& options) {
  Result<fllm::Generator> result = [&] {
    const nb::gil_scoped_release unlocked;
    return fllm::Generator::open(path, options);
  }();
  if (!result) raise(result.error());
  return std::move(*result);
}

template <class T>
T value_of(Result<T> result) {
  if (!result) raise(result.error());
  return std::move(*result);
}

nb::tuple logprob_of(const TokenLogprob& logprob) { return nb::make_tuple(logprob.id, logprob.raw, logprob.processed); }

nb::dict sample_of(const Sample& sample) {
  nb::dict made;
  made["text"] = nb::cast(sample.text);
  made["tokens"] = nb::cast(sample.tokens);
  made["finish_reason"] = nb::cast(std::string(to_string(sample.finish_reason)));
  made["sum_logprob"] = sample.sum_logprob;
  made["mean_logprob"] = sample.mean_logprob;
  made["error"] = sample.error ? nb::cast(sample.error->message) : nb::object(nb::none());
  nb::list logprobs;
  for (const TokenDetail& detail : sample.details) {
    nb::list top;
    for (const TokenLogprob& entry : detail.top) top.append(logprob_of(entry));
    logprobs.append(nb::make_tuple(logprob_of(detail.drawn), detail.rank, top));
  }
  made["logprobs"] = logprobs;
  if (sample.beam) {
    made["beam_sum"] = sample.beam->sum;
    made["beam_score"] = sample.beam->score;
    made["beam_logprobs"] = nb::cast(sample.beam->logprobs);
  }
  return made;
}

nb::dict speculation_dict(const SpeculationStats& stats) {
  nb::dict made;
  made["steps"] = stats.steps;
  made["drafted_steps"] = stats.drafted_steps;
  made["drafted_tokens"] = stats.drafted_tokens;
  made["accepted_tokens"] = stats.accepted_tokens;
  made["tokens"] = stats.tokens;
  return made;
}

/// Ctrl-C while a constraint's method ran comes before what it led to.
void raise_signals() {
  if (PyErr_CheckSignals() != 0) throw nb::python_error();
}

}  // namespace

Generator::Generator(const std::string& path, const EngineOptions& options) : generator_(opened(path, options)) {}

nb::dict Generator::info() const {
  const ModelInfo& info = generator_.info();
  nb::dict made;
  made["path"] = nb::cast(info.path);
  made["format"] = nb::cast(info.format);
  made["architecture"] = nb::cast(info.architecture);
  made["device"] = nb::cast(info.device);
  made["tokenizer"] = nb::cast(info.tokenizer);
  made["chat_template"] = nb::cast(info.chat_template);
  made["position_encoding"] = nb::cast(info.position_encoding);
  made["parameter_count"] = info.parameter_count;
  made["vocab_size"] = info.vocab_size;
  made["context_length"] = info.context_length;
  made["layer_count"] = info.layer_count;
  made["head_count"] = info.head_count;
  made["kv_head_count"] = info.kv_head_count;
  made["model_width"] = info.model_width;
  made["ffn_width"] = info.ffn_width;
  made["dtype"] = nb::cast(info.dtype);
  made["weight_bytes"] = info.weight_bytes;
  made["kv_bytes_per_token"] = info.kv_bytes_per_token;
  return made;
}

nb::dict Generator::metrics() const {
  const Metrics metrics = generator_.metrics();
  nb::dict made;
  made["queued_requests"] = metrics.queued_requests;
  made["running_rows"] = metrics.running_rows;
  made["blocks_total"] = metrics.blocks_total;
  made["blocks_used"] = metrics.blocks_used;
  made["blocks_free"] = metrics.blocks_free;
  made["blocks_cached"] = metrics.blocks_cached;
  made["steps"] = metrics.steps;
  made["tokens_generated"] = metrics.tokens_generated;
  made["prompt_tokens"] = metrics.prompt_tokens;
  made["prefix_hit_tokens"] = metrics.prefix_hit_tokens;
  made["requests_finished"] = metrics.requests_finished;
  made["speculative_steps"] = metrics.speculation.steps;
  made["drafted_steps"] = metrics.speculation.drafted_steps;
  made["drafted_tokens"] = metrics.speculation.drafted_tokens;
  made["accepted_tokens"] = metrics.speculation.accepted_tokens;
  made["speculative_tokens"] = metrics.speculation.tokens;
  return made;
}

std::vector<TokenId> Generator::encode(const std::string& text) const { return value_of(generator_.encode(text)); }

std::string Generator::decode(const std::vector<TokenId>& ids) const { return value_of(generator_.decode(ids)); }

nb::list Generator::token_bytes() const {
  nb::list all;
  for (const std::string& bytes : generator_.token_bytes()) all.append(nb::bytes(bytes.data(), bytes.size()));
  return all;
}

std::uint64_t Generator::submit(const nb::handle& prompt, const nb::dict& options) {
  Request request = request_of(prompt, options);
  RequestCallbacks callbacks;
  callbacks.on_event = [this](const StepEvent& event) {
    if (event.sample != 0 || event.text.empty()) return;
    const std::lock_guard lock(mutex_);
    texts_[static_cast<std::uint64_t>(event.request)] += event.text;
  };
  Result<RequestId> id = [&] {
    const nb::gil_scoped_release unlocked;
    return generator_.submit(std::move(request), std::move(callbacks));
  }();
  if (!id) raise_signals();  // else the caller is to know the request first
  return static_cast<std::uint64_t>(value_of(std::move(id)));
}

bool Generator::step() {
  Result<StepReport> report = [&] {
    const nb::gil_scoped_release unlocked;
    return generator_.step();
  }();
  raise_signals();
  return value_of(std::move(report)).worked;
}

std::string Generator::text(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  const auto found = texts_.find(id);
  return found == texts_.end() ? std::string() : std::exchange(found->second, {});
}

nb::dict Generator::take(std::uint64_t id) {
  const Completion completion = value_of(generator_.take(RequestId{id}));
  {
    const std::lock_guard lock(mutex_);
    texts_.erase(id);
  }
  nb::list samples;
  for (const Sample& sample : completion.samples) samples.append(sample_of(sample));
  nb::dict made;
  made["samples"] = samples;
  made["seed"] = completion.seed;
  made["prompt_tokens"] = completion.usage.prompt_tokens;
  made["completion_tokens"] = completion.usage.completion_tokens;
  made["cached_tokens"] = completion.usage.cached_tokens;
  made["speculation"] = completion.speculation ? speculation_dict(*completion.speculation) : nb::object(nb::none());
  return made;
}

void raise(const Error& error) {
  const auto set = [&](PyObject* type) { PyErr_SetString(type, error.message.c_str()); };
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kContextOverflow:
      set(PyExc_ValueError);
      break;
    case ErrorCode::kOutOfMemory:
      set(PyExc_MemoryError);
      break;
    case ErrorCode::kNotFound:
      set(PyExc_FileNotFoundError);
      break;
    case ErrorCode::kIo:
      set(PyExc_OSError);
      break;
    default: {
      const bool unsupported = error.code == ErrorCode::kUnsupported, lost = error.code == ErrorCode::kDeviceLost;
      const char* name = unsupported ? "UnsupportedError" : lost ? "DeviceLostError" : "Error";
      set(nb::module_::import_("fundamentallm._native").attr(name).ptr());
    }
  }
  throw nb::python_error();
}

}  // namespace fllm::python
