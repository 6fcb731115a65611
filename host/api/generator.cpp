// SPDX-License-Identifier: Apache-2.0
#include "fundamentallm/generator.h"

#include <optional>
#include <string>
#include <utility>

#include "cuda/backend/backend.h"
#include "host/api/guard.h"
#include "host/engine/driver.h"
#include "host/engine/engine.h"
#include "host/model/open_model.h"

namespace fllm {
namespace {

std::string chat_template_name(const std::string& jinja) {
  if (jinja.empty()) return {};
  try {
    return std::string(name_of(recognise_chat_template(jinja).family));
  } catch (const Exception&) {
    return "unknown";
  }
}

ModelInfo describe(const OpenedModel& opened, const Backend& backend) {
  const Model& model = opened.model;
  const ModelConfig& config = model.config;
  ModelInfo info;
  info.path = model.path;
  info.format = opened.format;
  info.architecture = architecture_name(config.architecture);
  info.parameter_count = model.parameter_count;
  info.vocab_size = config.vocab_size;
  info.context_length = config.sequence_length;
  info.layer_count = config.num_layers;
  info.head_count = config.num_heads;
  info.kv_head_count = config.num_kv_heads;
  info.model_width = config.d_model;
  info.ffn_width = config.ffn_width;
  info.position_encoding = position_encoding_name(config.position_encoding);
  info.tokenizer = opened.tokenizer->description();
  info.chat_template = chat_template_name(opened.chat_template);
  info.device = backend.description();
  info.dtype = model.quantised ? "quantised" : std::string(name_of(config.weights));
  info.weight_bytes = model.weight_bytes;
  info.kv_bytes_per_token =
      std::int64_t{2} * config.num_layers * config.kv_width() * static_cast<std::int64_t>(sizeof(float));
  return info;
}

std::optional<OpenedModel> open_draft(const EngineOptions& options, Backend& backend) {
  if (options.draft_model.empty()) return std::nullopt;
  try {
    return open_model(options.draft_model, backend, dtype_of(options.dtype));
  } catch (const Exception& error) {
    throw Exception(error.code(), std::string("draft_model: ") + error.what());
  }
}

}  // namespace

/// Members in the order they depend on each other.
class Generator::Impl {
 public:
  Impl(const std::string& path, const EngineOptions& options)
      : backend(make_backend({options.device, options.threads})),
        opened(open_model(path, *backend, dtype_of(options.dtype))),
        draft(open_draft(options, *backend)),
        info(describe(opened, *backend)),
        engine(*backend, opened.model, *opened.tokenizer,
               {options.max_rows, options.kv_cache_bytes, options.prefill_tokens, options.prefix_cache},
               draft ? &*draft : nullptr),
        driver(engine) {}

  [[nodiscard]] const Tokenizer* tokenizer() const { return opened.tokenizer.get(); }
  [[nodiscard]] std::vector<TokenId> encode_chat(const std::vector<ChatMessage>& messages) const {
    if (opened.chat_template.empty()) {
      throw Exception(ErrorCode::kUnsupported,
                      opened.model.path + ": has no chat template, so it was not made for conversations");
    }
    return tokenizer()->encode_segments(render(recognise_chat_template(opened.chat_template), messages, true));
  }
  [[nodiscard]] bool knows(TokenId id) const { return id >= 0 && id < tokenizer()->vocab_size(); }

  std::unique_ptr<Backend> backend;
  OpenedModel opened;
  std::optional<OpenedModel> draft;
  ModelInfo info;
  Engine engine;
  Driver driver;
};

Generator::Generator(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Generator::Generator(Generator&&) noexcept = default;
Generator& Generator::operator=(Generator&&) noexcept = default;
Generator::~Generator() = default;

Result<Generator> Generator::open(const std::string& path, const EngineOptions& options) {
  return guard([&] {
    if (options.threads < 0 || options.threads > kMaxCpuThreads) {
      throw Exception(ErrorCode::kInvalidArgument,
                      "threads: " + std::to_string(options.threads) + ": must be in [0, 1024] (0 is one per core)");
    }
    (void)dtype_of(options.dtype);  // before a backend is made
    return Generator(std::make_unique<Impl>(path, options));
  });
}

const ModelInfo& Generator::info() const { return impl_->info; }

Result<std::vector<TokenId>> Generator::encode(std::string_view text) const {
  return guard([&] { return impl_->tokenizer()->encode(text); });
}

Result<std::vector<TokenId>> Generator::encode_chat(const std::vector<ChatMessage>& messages) const {
  return guard([&] { return impl_->encode_chat(messages); });
}

Result<std::string> Generator::decode(const std::vector<TokenId>& ids) const {
  return guard([&] {
    std::string text;
    Utf8Decoder decoder;
    for (const TokenId id : ids) {
      if (!impl_->knows(id)) {
        throw Exception(ErrorCode::kInvalidArgument, "token id: " + std::to_string(id) + ": must be in [0, " +
                                                         std::to_string(impl_->tokenizer()->vocab_size()) + ")");
      }
      decoder.feed(impl_->tokenizer()->token_bytes(id), text);
    }
    decoder.finish(text);
    return text;
  });
}

std::string Generator::token_text(TokenId id) const {
  return impl_->knows(id) ? std::string(impl_->tokenizer()->token_name(id)) : std::string();
}

std::vector<std::string> Generator::token_bytes() const {
  std::vector<std::string> all;
  all.reserve(static_cast<std::size_t>(impl_->tokenizer()->vocab_size()));
  for (TokenId id = 0; id < impl_->tokenizer()->vocab_size(); ++id) {
    all.emplace_back(impl_->tokenizer()->token_bytes(id));
  }
  return all;
}

std::vector<TokenId> Generator::end_ids() const { return impl_->tokenizer()->end_ids(); }

Result<RequestId> Generator::submit(Request request, RequestCallbacks callbacks) {
  return guard([&] {
    if (const auto* chat = std::get_if<std::vector<ChatMessage>>(&request.prompt)) {
      request.prompt = impl_->encode_chat(*chat);
    }
    return impl_->driver.submit(std::move(request), std::move(callbacks));
  });
}

Result<StepReport> Generator::step() {
  return guard([&] { return impl_->driver.step(); });
}

bool Generator::idle() const { return impl_->driver.idle(); }

bool Generator::wait_for_work(std::chrono::milliseconds time) { return impl_->driver.wait_for_work(time); }

void Generator::cancel(RequestId request) { impl_->driver.cancel(request); }

bool Generator::finished(RequestId request) const { return impl_->driver.finished(request); }

Result<Completion> Generator::take(RequestId request) {
  return guard([&] { return impl_->driver.take(request); });
}

Result<Completion> Generator::wait(RequestId request) {
  return guard([&] { return impl_->driver.wait(request); });
}

Result<void> Generator::drain() {
  const Result<bool> done = guard([&] {
    impl_->driver.drain();
    return true;
  });
  return done ? Result<void>() : Result<void>(done.error());
}

Metrics Generator::metrics() const { return impl_->driver.metrics(); }

Result<Completion> Generator::generate(Request request, const std::function<bool(const StepEvent&)>& sink) {
  RequestCallbacks callbacks;
  if (sink) {
    callbacks.on_event = [this, &sink, shown = true](const StepEvent& event) mutable {
      if (shown && !(shown = sink(event))) cancel(event.request);
    };
  }
  const Result<RequestId> id = submit(std::move(request), std::move(callbacks));
  if (!id) return id.error();
  return wait(*id);
}

}  // namespace fllm
