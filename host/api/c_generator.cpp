// SPDX-License-Identifier: Apache-2.0
#include "fundamentallm/c_generator.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "host/api/c_guard.h"
#include "host/api/c_request.h"
#include "host/api/c_result.h"
#include "host/api/c_struct.h"

using namespace fllm;

static_assert(FLLM_FINISH_CANCELLED == static_cast<int>(FinishReason::kCancelled) &&
              FLLM_FINISH_ERROR == static_cast<int>(FinishReason::kError) &&
              FLLM_FINISH_INCOMPLETE == static_cast<int>(FinishReason::kIncomplete) &&
              FLLM_FINISH_DEAD_END == static_cast<int>(FinishReason::kDeadEnd));

struct fllm_generator {
  explicit fllm_generator(Generator opened) : generator(std::move(opened)) {}

  Generator generator;
  std::mutex mutex;              // guards events and shown
  std::deque<StepEvent> events;  // of requests without callback
  StepEvent shown;               // by the last poll
};

namespace {

template <class T>
T& given(T* pointer, const char* name) {
  if (pointer == nullptr) throw Exception(ErrorCode::kInvalidArgument, std::string(name) + ": NULL: must be given");
  return *pointer;
}

fllm_generator& own(fllm_generator* generator) { return given(generator, "generator"); }
Generator& cpp(fllm_generator* generator) { return own(generator).generator; }
const Generator& cpp(const fllm_generator* generator) { return given(generator, "generator").generator; }

/// The first capacity elements, as snprintf gives a text.
template <class T, class Source>
void copy_out(const Source& from, T* out, std::size_t capacity, std::size_t* count, const char* name) {
  given(count, "count");
  if (capacity > 0) given(out, name);
  *count = from.size();
  std::copy_n(from.begin(), std::min(capacity, from.size()), out);
}

fllm_event event_of(const StepEvent& event) {
  fllm_event made{};
  made.struct_size = sizeof made;
  made.request = static_cast<std::uint64_t>(event.request);
  made.text = {event.text.data(), event.text.size()};
  made.sample = event.sample;
  made.token = event.token.value_or(-1);
  made.finish_reason = static_cast<std::int32_t>(event.finish_reason);
  made.request_done = event.last ? 1 : 0;
  return made;
}

/// The result stays for take: there is no on_done.
RequestCallbacks callbacks_for(fllm_generator& generator, fllm_event_callback callback, void* user) {
  RequestCallbacks callbacks;
  callbacks.on_event = [&generator, callback, user](const StepEvent& event) {
    if (callback != nullptr) {
      const fllm_event made = event_of(event);
      callback(&made, user);
    } else {
      const std::lock_guard lock(generator.mutex);
      generator.events.push_back(event);
    }
  };
  return callbacks;
}

}  // namespace

fllm_status fllm_generator_create(const char* path, const fllm_generator_options* options, fllm_generator** out) {
  if (out != nullptr) *out = nullptr;
  return c_guard([&] {
    given(out, "out");
    given(path, "path");
    const EngineOptions known =
        options != nullptr ? engine_options_of(read_struct(options, "fllm_generator_options")) : EngineOptions{};
    *out = std::make_unique<fllm_generator>(Generator::open(path, known).value()).release();
  });
}

void fllm_generator_destroy(fllm_generator* generator) { delete generator; }

fllm_status fllm_generator_get_info(const fllm_generator* generator, fllm_generator_info* info) {
  return c_guard([&] {
    const ModelInfo& model = cpp(generator).info();
    read_struct(info, "fllm_generator_info");
    fllm_generator_info made{};
    made.struct_size = sizeof made;
    made.parameter_count = model.parameter_count;
    made.weight_bytes = model.weight_bytes;
    made.kv_bytes_per_token = model.kv_bytes_per_token;
    made.vocab_size = model.vocab_size;
    made.context_length = model.context_length;
    made.path = model.path.c_str();
    made.device = model.device.c_str();
    made.architecture = model.architecture.c_str();
    made.tokenizer = model.tokenizer.c_str();
    made.format = model.format.c_str();
    made.chat_template = model.chat_template.c_str();
    made.position_encoding = model.position_encoding.c_str();
    made.layer_count = model.layer_count;
    made.head_count = model.head_count;
    made.kv_head_count = model.kv_head_count;
    made.model_width = model.model_width;
    made.ffn_width = model.ffn_width;
    made.dtype = model.dtype.c_str();
    fill_struct(made, info);
  });
}

fllm_status fllm_generator_encode(const fllm_generator* generator, fllm_text text, int32_t* ids, size_t capacity,
                                  size_t* count) {
  return c_guard([&] {
    if (text.size > 0) given(text.bytes, "text");
    const std::string_view view = text.size > 0 ? std::string_view(text.bytes, text.size) : std::string_view();
    copy_out(cpp(generator).encode(view).value(), ids, capacity, count, "ids");
  });
}

fllm_status fllm_generator_decode(const fllm_generator* generator, const int32_t* ids, size_t count, char* bytes,
                                  size_t capacity, size_t* size) {
  return c_guard([&] {
    if (count > 0) given(ids, "ids");
    const std::vector<TokenId> list = count > 0 ? std::vector<TokenId>(ids, ids + count) : std::vector<TokenId>();
    copy_out(cpp(generator).decode(list).value(), bytes, capacity, size, "bytes");
  });
}

fllm_status fllm_generator_submit(fllm_generator* generator, const fllm_request* request, fllm_event_callback callback,
                                  void* user, uint64_t* id) {
  return c_guard([&] {
    fllm_generator& target = own(generator);
    given(id, "id");
    Request made = request_of(read_struct(request, "fllm_request"));
    RequestCallbacks callbacks = callbacks_for(target, callback, user);
    *id = static_cast<std::uint64_t>(target.generator.submit(std::move(made), std::move(callbacks)).value());
  });
}

fllm_status fllm_generator_step(fllm_generator* generator, int32_t* worked) {
  return c_guard([&] {
    const StepReport report = cpp(generator).step().value();
    if (worked != nullptr) *worked = report.worked ? 1 : 0;
  });
}

fllm_status fllm_generator_poll(fllm_generator* generator, fllm_event* event, int32_t* found) {
  return c_guard([&] {
    fllm_generator& source = own(generator);
    given(found, "found") = 0;
    read_struct(event, "fllm_event");
    const std::lock_guard lock(source.mutex);
    if (source.events.empty()) return;
    source.shown = std::move(source.events.front());
    fill_struct(event_of(source.shown), event);
    source.events.pop_front();
    *found = 1;
  });
}

fllm_status fllm_generator_cancel(fllm_generator* generator, uint64_t id) {
  return c_guard([&] { cpp(generator).cancel(RequestId{id}); });
}

int32_t fllm_generator_finished(const fllm_generator* generator, uint64_t id) {
  return generator != nullptr && generator->generator.finished(RequestId{id}) ? 1 : 0;
}

fllm_status fllm_generator_wait(fllm_generator* generator, uint64_t id) {
  return c_guard([&] {
    Generator& target = cpp(generator);
    while (!target.finished(RequestId{id})) target.step().value();
  });
}

fllm_status fllm_generator_drain(fllm_generator* generator) {
  return c_guard([&] { cpp(generator).drain().value(); });
}

fllm_status fllm_generator_get_metrics(const fllm_generator* generator, fllm_metrics* metrics) {
  return c_guard([&] {
    const Metrics now = cpp(generator).metrics();
    read_struct(metrics, "fllm_metrics");
    fill_struct(
        fllm_metrics{sizeof(fllm_metrics), now.queued_requests, now.running_rows, now.blocks_total, now.blocks_used,
                     now.blocks_free, now.blocks_cached, now.steps, now.tokens_generated, now.prompt_tokens,
                     now.prefix_hit_tokens, now.requests_finished, now.speculation.steps, now.speculation.drafted_steps,
                     now.speculation.drafted_tokens, now.speculation.accepted_tokens, now.speculation.tokens},
        metrics);
  });
}

fllm_status fllm_generator_take(fllm_generator* generator, uint64_t id, fllm_result** out) {
  if (out != nullptr) *out = nullptr;
  return c_guard([&] {
    Generator& source = cpp(generator);
    given(out, "out");
    auto result = std::make_unique<fllm_result>(source.take(RequestId{id}).value());
    const std::lock_guard lock(generator->mutex);
    std::erase_if(generator->events, [id](const auto& waiting) { return waiting.request == RequestId{id}; });
    *out = result.release();
  });
}
