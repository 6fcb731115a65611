// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fundamentallm/export.h"
#include "fundamentallm/request.h"
#include "fundamentallm/result.h"

namespace fllm {

struct EngineOptions {
  std::string device = "auto";      ///< auto | cpu | cuda | cuda:N
  std::int32_t threads = 0;         ///< CPU worker threads, [0, 1024]; 0: one per core
  std::int32_t max_rows = 256;      ///< sequences decoded together, [1, 4096]
  std::int64_t kv_cache_bytes = 0;  ///< keys and values; 0: max_rows full contexts, at most half of the free memory
};

/// What a model is, for people and for checks.
struct ModelInfo {
  std::string path;
  std::string architecture;  ///< "fundamentallm", "llama", "qwen2", "gpt2"
  std::int64_t parameter_count = 0;
  std::int32_t vocab_size = 0;
  std::int32_t context_length = 0;
  std::int32_t layer_count = 0;
  std::int32_t head_count = 0;
  std::int32_t model_width = 0;  ///< d_model
  std::int32_t ffn_width = 0;
  std::string position_encoding;  ///< learned | sinusoidal | rotary
  std::string tokenizer;          ///< "character, 69 tokens"
  std::string device;             ///< where it runs: "cpu (2 threads, avx512)", "cuda:0 …"
  std::int64_t weight_bytes = 0;
  std::int64_t kv_bytes_per_token = 0;
};

/// Turns prompts into text: admits requests into the rows of a batch and advances them together.
/// One owner drives it; it is not safe to call from several threads at once.
class FLLM_API Generator {
 public:
  /// Opens a checkpoint (file, or folder with model.pt) with the tokenizer beside it.
  static Result<Generator> open(const std::string& path, const EngineOptions& options = {});

  Generator(Generator&&) noexcept;
  Generator& operator=(Generator&&) noexcept;
  ~Generator();

  [[nodiscard]] const ModelInfo& info() const;

  /// Text to ids. An invalid byte is an error that names its offset.
  [[nodiscard]] Result<std::vector<TokenId>> encode(std::string_view text) const;
  /// Ids to text, special tokens dropped. Ids outside the vocabulary are an error.
  [[nodiscard]] Result<std::string> decode(const std::vector<TokenId>& ids) const;
  /// One token for people: its text, special tokens by name. Empty for an id outside the vocabulary.
  [[nodiscard]] std::string token_text(TokenId id) const;

  /// Queues a request (FIFO). All violations come back in one message, one a line. A prompt that leaves no room in the
  /// context is kContextOverflow, one whose samples could never fit the KV cache kOutOfMemory.
  Result<RequestId> submit(Request request);
  /// One step of every admitted sequence. Events are in row order. After an error every later call reports it again.
  Result<std::vector<StepEvent>> step();
  [[nodiscard]] bool idle() const;
  /// Ends a request; its samples finish as kCancelled with what they have, without further events.
  void cancel(RequestId request);
  /// Takes the result of a request whose samples have all ended.
  Result<Completion> take(RequestId request);

  /// submit, step until done, take. sink sees each event of this request and returns false to cancel. Other requests
  /// advance too; their events are not shown.
  Result<Completion> generate(Request request, const std::function<bool(const StepEvent&)>& sink = {});

  class Impl;

 private:
  explicit Generator(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fllm
