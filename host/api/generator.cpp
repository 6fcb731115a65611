// SPDX-License-Identifier: Apache-2.0
#include "fundamentallm/generator.h"

#include <utility>

#include "cuda/backend/backend.h"
#include "host/api/guard.h"
#include "host/engine/engine.h"
#include "host/model/model.h"
#include "host/tokenizer/character_tokenizer.h"

namespace fllm {
namespace {

ModelInfo describe(const Model& model, const Tokenizer& tokenizer, const Backend& backend) {
  const ModelConfig& config = model.config;
  ModelInfo info;
  info.path = model.path;
  info.architecture = architecture_name(config.architecture);
  info.parameter_count = model.parameter_count;
  info.vocab_size = config.vocab_size;
  info.context_length = config.sequence_length;
  info.layer_count = config.num_layers;
  info.head_count = config.num_heads;
  info.model_width = config.d_model;
  info.ffn_width = config.ffn_width;
  info.position_encoding = position_encoding_name(config.position_encoding);
  info.tokenizer = tokenizer.description();
  info.device = backend.description();
  info.weight_bytes = model.parameter_count * static_cast<std::int64_t>(sizeof(float));
  info.kv_bytes_per_token =
      std::int64_t{2} * config.num_layers * config.kv_width() * static_cast<std::int64_t>(sizeof(float));
  return info;
}

}  // namespace

/// Members in the order they depend on each other.
class Generator::Impl {
 public:
  Impl(const std::string& path, const EngineOptions& options)
      : backend(make_backend({options.device, options.threads})),
        model(load_model(path, *backend)),
        tokenizer(load_character_tokenizer(tokenizer_path(model.path))),
        info(describe(model, *tokenizer, *backend)),
        engine(*backend, model, *tokenizer, {options.max_rows, options.kv_cache_bytes}) {}

  [[nodiscard]] bool knows(TokenId id) const { return id >= 0 && id < tokenizer->vocab_size(); }

  std::unique_ptr<Backend> backend;
  Model model;
  std::unique_ptr<Tokenizer> tokenizer;
  ModelInfo info;
  Engine engine;
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
    return Generator(std::make_unique<Impl>(path, options));
  });
}

const ModelInfo& Generator::info() const { return impl_->info; }

Result<std::vector<TokenId>> Generator::encode(std::string_view text) const {
  return guard([&] { return impl_->tokenizer->encode(text); });
}

Result<std::string> Generator::decode(const std::vector<TokenId>& ids) const {
  return guard([&] {
    std::string text;
    Utf8Decoder decoder;
    for (const TokenId id : ids) {
      if (!impl_->knows(id)) {
        throw Exception(ErrorCode::kInvalidArgument, "token id: " + std::to_string(id) + ": must be in [0, " +
                                                         std::to_string(impl_->tokenizer->vocab_size()) + ")");
      }
      decoder.feed(impl_->tokenizer->token_bytes(id), text);
    }
    decoder.finish(text);
    return text;
  });
}

std::string Generator::token_text(TokenId id) const {
  return impl_->knows(id) ? std::string(impl_->tokenizer->token_name(id)) : std::string();
}

Result<RequestId> Generator::submit(Request request) {
  return guard([&] { return impl_->engine.submit(std::move(request)); });
}

Result<std::vector<StepEvent>> Generator::step() {
  return guard([&] { return impl_->engine.step(); });
}

bool Generator::idle() const { return impl_->engine.idle(); }

void Generator::cancel(RequestId request) { impl_->engine.cancel(request); }

Result<Completion> Generator::take(RequestId request) {
  return guard([&] { return impl_->engine.take(request); });
}

Result<Completion> Generator::generate(Request request, const std::function<bool(const StepEvent&)>& sink) {
  return guard([&] {
    Engine& engine = impl_->engine;
    const RequestId id = engine.submit(std::move(request));
    while (!engine.finished(id)) {
      for (const StepEvent& event : engine.step()) {
        if (event.request != id || !sink || sink(event)) continue;
        engine.cancel(id);
        break;
      }
    }
    return engine.take(id);
  });
}

}  // namespace fllm
