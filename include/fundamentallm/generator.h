// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fundamentallm/chat.h"
#include "fundamentallm/export.h"
#include "fundamentallm/metrics.h"
#include "fundamentallm/request.h"
#include "fundamentallm/result.h"

namespace fllm {

struct EngineOptions {
  std::string device = "auto";        ///< auto | cpu | cuda | cuda:N
  std::int32_t threads = 0;           ///< CPU worker threads, [0, 1024]; 0: one per core
  std::int32_t max_rows = 256;        ///< sequences decoded together, [1, 4096]
  std::int64_t kv_cache_bytes = 0;    ///< keys and values; 0: max_rows full contexts, at most half of the free memory
  std::int32_t prefill_tokens = 512;  ///< of prompts in one step, [16, 65536]: longer ones are read over several steps
  bool prefix_cache = true;  ///< prompts with the same beginning share its keys and values; no text depends on it
  std::string dtype =
      "auto";  ///< of the weights that are multiplied: auto | fp32 | fp16 | bf16. CUDA alone has the last two
  std::string draft_model =
      {};  ///< path as of open: a small model with the same tokenizer, for SpeculationOptions; empty: none
};

/// What a model is, for people and for checks.
struct ModelInfo {
  std::string path;
  std::string format;        ///< "GGUF", "safetensors", "llama2.c", "PyTorch checkpoint"
  std::string architecture;  ///< "fundamentallm", "llama", "qwen2", "gpt2"
  std::int64_t parameter_count = 0;
  std::int32_t vocab_size = 0;
  std::int32_t context_length = 0;
  std::int32_t layer_count = 0;
  std::int32_t head_count = 0;     ///< of queries
  std::int32_t kv_head_count = 0;  ///< of keys and values
  std::int32_t model_width = 0;    ///< d_model
  std::int32_t ffn_width = 0;
  std::string position_encoding;  ///< learned | sinusoidal | rotary
  std::string tokenizer;          ///< "character, 69 tokens"
  std::string chat_template;      ///< chatml | llama3 | llama2; "unknown"; empty: none
  std::string device;             ///< where it runs: "cpu (2 threads, avx512)", "cuda:0 …"
  std::string dtype;              ///< weights that are multiplied: fp32 | fp16 | bf16 | quantised
  std::int64_t weight_bytes = 0;
  std::int64_t kv_bytes_per_token = 0;
};

/// What a request wants to hear. All are optional and called by the thread that steps, one after the other, after the
/// step's work; whatever order requests have among each other, a sample's events come in order. They may call every function
/// of the generator but step, wait, drain and generate, which say so. One that throws ends its own request: its samples that
/// have not ended finish as kError in the next step.
struct RequestCallbacks {
  std::function<void(const StepEvent&)> on_event;  ///< each piece of text, as it may be shown
  std::function<void(RequestId, std::int32_t sample, const Sample&)> on_sample;  ///< a sample has ended: all of it
  std::function<void(Completion)> on_done;  ///< all have: the result, which take() then does not have
  explicit operator bool() const { return on_event || on_sample || on_done; }
};

/// What one step did.
struct StepReport {
  bool worked = false;             ///< false: there was nothing to do
  std::int64_t prompt_tokens = 0;  ///< read
  std::int64_t drawn_tokens = 0;
  std::vector<StepEvent> events;  ///< of requests without callbacks
  [[nodiscard]] auto begin() const { return events.begin(); }
  [[nodiscard]] auto end() const { return events.end(); }
  [[nodiscard]] auto begin() { return events.begin(); }
  [[nodiscard]] auto end() { return events.end(); }
};

/// Turns prompts into text: admits requests into the rows of a batch, first come, first served, and advances them together.
/// What else is in the batch never changes a request's tokens.
///
/// Threads. Every function but open, moves and destruction may be called from any thread at any time. Nothing runs by
/// itself: a step runs in the thread that calls step, wait, drain or generate; of several, one steps at a time, for all, and
/// the others wait for their turn. The other functions do not wait for a step.
class FLLM_API Generator {
 public:
  /// Opens a model: a GGUF; safetensors, a model of llama2.c, a FundamentaLLM checkpoint, with what belongs to them beside
  /// them; or a folder that holds one of these.
  static Result<Generator> open(const std::string& path, const EngineOptions& options = {});

  Generator(Generator&&) noexcept;
  Generator& operator=(Generator&&) noexcept;
  ~Generator();

  [[nodiscard]] const ModelInfo& info() const;

  /// Text to ids. An invalid byte is an error that names its offset.
  [[nodiscard]] Result<std::vector<TokenId>> encode(std::string_view text) const;
  /// A conversation as a prompt in the model's own chat template, the beginning of the answer included. Texts of special
  /// tokens inside messages stay text. Errors: kUnsupported where the model has no template or an unknown one;
  /// kInvalidArgument for messages the template does not take.
  [[nodiscard]] Result<std::vector<TokenId>> encode_chat(const std::vector<ChatMessage>& messages) const;
  /// Ids to text, special tokens dropped. Ids outside the vocabulary are an error.
  [[nodiscard]] Result<std::string> decode(const std::vector<TokenId>& ids) const;
  /// One token for people: its text, special tokens by name. Empty for an id outside the vocabulary.
  [[nodiscard]] std::string token_text(TokenId id) const;
  /// What each token adds to an output, by id, in bytes: not always whole characters; empty for special tokens. For constraints of
  /// other engines, see CustomConstraint.
  [[nodiscard]] std::vector<std::string> token_bytes() const;
  /// The tokens that end a text, ascending.
  [[nodiscard]] std::vector<TokenId> end_ids() const;

  /// Queues a request (FIFO). All violations come back in one message, one a line. A prompt that leaves no room in the
  /// context is kContextOverflow, one whose samples could never fit the KV cache kOutOfMemory, naming blocks and bytes needed
  /// and there. A sample enters the batch when the cache has room for its longest output, and never waits for memory again.
  Result<RequestId> submit(Request request, RequestCallbacks callbacks = {});
  /// One step: applies cancellations, admits, reads up to EngineOptions::prefill_tokens of prompts, draws one token for
  /// every other row, or several where it speculates. After an error every later call reports it again. A GPU works a few steps ahead of what is returned
  /// while nothing is admitted: a step then returns the oldest of them, what a sample that ends meanwhile has drawn beyond its
  /// end is dropped, and who waits is admitted behind the steps that are under way.
  Result<StepReport> step();
  /// Nothing is queued, running or to be cancelled.
  [[nodiscard]] bool idle() const;
  /// Until a request is queued or running, or the time is over; whether one is. For a thread that does nothing but step.
  bool wait_for_work(std::chrono::milliseconds time);
  /// Ends a request in the next step: samples finish as kCancelled with the text they have, their memory is free again. No
  /// effect on one that has finished or is unknown.
  void cancel(RequestId request);
  /// All samples of the request have ended; also true of one that is unknown.
  [[nodiscard]] bool finished(RequestId request) const;
  /// Takes the result of a request whose samples have all ended, once. Not for those with on_done.
  Result<Completion> take(RequestId request);
  /// Steps until the request has finished; its result.
  Result<Completion> wait(RequestId request);
  /// Steps until idle.
  Result<void> drain();
  [[nodiscard]] Metrics metrics() const;

  /// submit and wait. sink sees each event of this request and returns false to cancel. Other requests advance too; events
  /// of those without callbacks are not shown.
  Result<Completion> generate(Request request, const std::function<bool(const StepEvent&)>& sink = {});

  class Impl;

 private:
  explicit Generator(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fllm
