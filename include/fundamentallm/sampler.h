// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "fundamentallm/c_api.h"
#include "fundamentallm/result.h"

// The sampler for serving stacks: the functions of c_api.h with spans that are checked against the rows. Memory, streams,
// threads and errors are described there, each field at fllm_sample_args, what is computed in docs/sampling.md.
namespace fllm {

/// Where a sampler works.
struct SamplerOptions {
  enum class Device : std::int32_t { kCpu = FLLM_DEVICE_CPU, kCuda = FLLM_DEVICE_CUDA };
  Device device = Device::kCpu;
  std::int32_t index = 0;    ///< of the CUDA device
  std::int32_t threads = 0;  ///< CPU: [0, 1024]; 0: one per core
};

enum class LogitsType : std::int32_t {
  kFloat32 = FLLM_FLOAT32,
  kFloat16 = FLLM_FLOAT16,
  kBFloat16 = FLLM_BFLOAT16,
};

/// Rows of logits in device memory.
struct LogitsView {
  const void* data = nullptr;  ///< [rows, vocab]
  std::int32_t rows = 0;
  std::int32_t vocab = 0;  ///< [1, 2^20]
  LogitsType type = LogitsType::kFloat32;
  std::int64_t stride = 0;  ///< elements between rows; 0: vocab
};

/// Further filters of a row that change nothing, to start from.
inline constexpr fllm_row_filters kNoRowFilters = FLLM_NO_ROW_FILTERS;

/// One call of Sampler::sample. Spans are of device memory, one element a row unless a shape is named; an empty one stands for
/// the default in brackets, or for an output that is not wanted. mutable ones are written.
struct SampleArguments {
  LogitsView logits;
  std::span<std::int32_t> tokens;                     ///< output; must be given
  std::span<std::uint32_t> status = {};               ///< output: FLLM_ROW_* bits
  std::span<std::byte> workspace = {};                ///< of Sampler::workspace_bytes, any alignment
  std::span<const float> temperature = {};            ///< [1] 0: greedy
  std::span<const std::int32_t> top_k = {};           ///< [off]
  std::span<const float> top_p = {};                  ///< [off]
  std::span<const float> min_p = {};                  ///< [off]
  std::span<const float> repetition_penalty = {};     ///< [1]
  std::span<const float> frequency_penalty = {};      ///< [0]
  std::span<const float> presence_penalty = {};       ///< [0]
  std::span<const std::uint64_t> seed = {};           ///< [0]
  std::span<std::uint32_t> position = {};             ///< [0] advanced
  std::span<const std::uint32_t> sample_index = {};   ///< [0]
  std::span<const std::int32_t> fallback_id = {};     ///< [0]
  std::span<std::int32_t> generated = {};             ///< [0] advanced
  std::span<const std::int32_t> min_tokens = {};      ///< [0]
  std::span<const std::uint32_t> allow_mask = {};     ///< [mask rows, mask_words]
  std::int64_t mask_words = 0;                        ///< words between mask rows; 0: ceil(vocab / 32)
  std::span<const std::int32_t> mask_row = {};        ///< [row i for row i] -1: everything is allowed
  std::span<const std::int32_t> ban_ids = {};         ///< flat
  std::span<const std::int32_t> ban_offsets = {};     ///< [rows + 1] into ban_ids
  std::span<const std::int32_t> end_id_offsets = {};  ///< [rows + 1] into ban_ids
  std::span<const fllm_bias_entry> bias = {};         ///< flat
  std::span<const std::int32_t> bias_offsets = {};    ///< [rows + 1] into bias
  fllm_history_table history = {};                    ///< all zero: none
  std::span<const std::int32_t> history_slot = {};    ///< given with history
  std::span<const std::uint64_t> uniforms = {};       ///< random bits in place of the seed's
  std::int32_t random_stream = FLLM_STREAM_TARGET;    ///< of all rows
  bool advance = false;                               ///< append the tokens to their histories, move the rows on
  std::int32_t blocks_per_row = 0;                    ///< CUDA: 1, 2, 4, 8; 0: chosen by shape
  std::span<fllm_sample_detail> details = {};         ///< output
  std::span<fllm_top_entry> top = {};                 ///< output [rows, n] for an n in [1, 32]
  std::span<float> probabilities = {};                ///< output [rows, probabilities_stride]
  std::int64_t probabilities_stride = 0;              ///< elements between rows; 0: vocab
  std::span<const fllm_row_filters> filters = {};     ///< [none] see kNoRowFilters
  fllm_sequence_table sequences = {};                 ///< of the filters; all zero: none
  std::span<const std::int32_t> word_offsets = {};    ///< [words + 1] into word_ids
  std::span<const std::int32_t> word_ids = {};        ///< flat
  std::span<const std::int32_t> breaker_ids = {};     ///< flat
};

/// What a step of Sampler::sample_shard needs beside SampleArguments; each field is described at fllm_shard_args.
struct ShardArguments {
  std::span<std::uint64_t> words;  ///< [rows, fllm_shard_words]
  std::span<std::byte> states;     ///< [rows] of FLLM_SHARD_STATE_BYTES
  std::int32_t vocab = 0;          ///< of all slices
  std::int32_t first_id = 0;       ///< of this rank's slice
  std::int32_t rank = 0;
  std::int32_t ranks = 1;
  std::int32_t list_size = 0;
  std::int32_t step = 0;
  bool last = false;  ///< tokens are written
};

/// One call of Sampler::append. Spans are of device memory, one element a row unless a shape is named.
struct HistoryTokens {
  fllm_history_table history;
  std::span<const std::int32_t> ids;               ///< one a row, or flat with offsets; outside [0, vocab): passed over
  std::span<const std::int32_t> id_offsets = {};   ///< [rows + 1] into ids
  std::span<const std::int32_t> slots = {};        ///< [row i for row i] none twice
  std::span<const std::int32_t> are_outputs = {};  ///< [output] 0: prompt
  std::span<std::uint32_t> status = {};            ///< output: FLLM_ROW_FULL or 0
  std::int32_t vocab = 0;
};

/// Draws tokens from logits on a CPU or a CUDA device. Move-only; its functions may be called from several threads at once.
class Sampler {
 public:
  /// Errors: kInvalidArgument, kUnsupported with the reason, kOutOfMemory.
  static Result<Sampler> create(const SamplerOptions& options = {}) {
    fllm_sampler_options c{};
    c.struct_size = sizeof c;
    c.device_type = static_cast<std::int32_t>(options.device);
    c.device_index = options.index;
    c.threads = options.threads;
    fllm_sampler* handle = nullptr;
    if (const fllm_status status = fllm_sampler_create(&c, &handle); status != FLLM_OK) return error(status);
    return Sampler(handle);
  }

  /// "cpu (2 threads, v4)", "cuda:0 (name, compute capability 9.0)".
  [[nodiscard]] std::string description() const { return fllm_sampler_description(handle_.get()); }

  /// Bytes that sample needs for such logits, whose data is not looked at; enough for fewer rows too.
  [[nodiscard]] Result<std::size_t> workspace_bytes(const LogitsView& logits, std::int32_t blocks_per_row = 0) const {
    fllm_sample_args c = c_logits(logits);
    c.blocks_per_row = blocks_per_row;
    std::size_t bytes = 0;
    if (const fllm_status status = fllm_sampler_workspace_size(handle_.get(), &c, &bytes); status != FLLM_OK) {
      return error(status);
    }
    return bytes;
  }

  /// Draws one token a row in one launch on the stream. The spans' memory must live until the work is done.
  /// Errors: kInvalidArgument with every violation, kDeviceLost.
  Result<void> sample(const SampleArguments& arguments, void* stream = nullptr) {
    SpanCheck check;
    const fllm_sample_args c = c_arguments(arguments, check);
    if (!check.wrong.empty()) return Error{ErrorCode::kInvalidArgument, check.wrong};
    return result(fllm_sample(handle_.get(), &c, stream));
  }

  /// One step of a draw over a vocabulary that is spread over ranks; between steps the caller adds up all ranks' words.
  /// Errors as of sample.
  Result<void> sample_shard(const SampleArguments& arguments, const ShardArguments& shard, void* stream = nullptr) {
    const auto rows = static_cast<std::size_t>(arguments.logits.rows);
    SpanCheck check;
    const fllm_sample_args c = c_arguments(arguments, check);
    fllm_shard_args s{};
    s.struct_size = sizeof s;
    const std::size_t row_words =
        fllm_shard_words(shard.ranks, shard.list_size);  // 0: ranks or list_size are refused below
    s.words = row_words > 0 ? check.array("words", shard.words, rows * row_words) : shard.words.data();
    s.states = check.array("states", shard.states, rows * FLLM_SHARD_STATE_BYTES);
    s.vocab = shard.vocab;
    s.first_id = shard.first_id;
    s.rank = shard.rank;
    s.ranks = shard.ranks;
    s.list_size = shard.list_size;
    s.step = shard.step;
    s.last = shard.last ? 1 : 0;
    if (!check.wrong.empty()) return Error{ErrorCode::kInvalidArgument, check.wrong};
    return result(fllm_sample_shard(handle_.get(), &c, &s, stream));
  }

  /// Appends tokens to histories in one launch on the stream. Errors as of sample.
  Result<void> append(const HistoryTokens& tokens, void* stream = nullptr) {
    const std::size_t rows = tokens.id_offsets.empty() ? tokens.ids.size() : tokens.id_offsets.size() - 1;
    SpanCheck check;
    fllm_history_append_args c{};
    c.struct_size = sizeof c;
    c.history = tokens.history;
    c.ids = tokens.ids.data();
    c.id_offsets = tokens.id_offsets.empty() ? nullptr : tokens.id_offsets.data();
    c.slots = check.array("slots", tokens.slots, rows);
    c.are_outputs = check.array("are_outputs", tokens.are_outputs, rows);
    c.status = check.array("status", tokens.status, rows);
    c.rows = static_cast<std::int32_t>(rows);
    c.vocab = tokens.vocab;
    if (!check.wrong.empty()) return Error{ErrorCode::kInvalidArgument, check.wrong};
    return result(fllm_history_append(handle_.get(), &c, stream));
  }

  /// For the functions of c_api.h; stays this object's.
  [[nodiscard]] fllm_sampler* handle() const { return handle_.get(); }

 private:
  struct Destroy {
    void operator()(fllm_sampler* sampler) const { fllm_sampler_destroy(sampler); }
  };

  explicit Sampler(fllm_sampler* handle) : handle_(handle) {}

  static Error error(fllm_status status) {
    switch (status) {
      case FLLM_INVALID_ARGUMENT:
        return {ErrorCode::kInvalidArgument, fllm_last_error()};
      case FLLM_UNSUPPORTED:
        return {ErrorCode::kUnsupported, fllm_last_error()};
      case FLLM_OUT_OF_MEMORY:
        return {ErrorCode::kOutOfMemory, fllm_last_error()};
      case FLLM_DEVICE_LOST:
        return {ErrorCode::kDeviceLost, fllm_last_error()};
      default:
        return {ErrorCode::kInternal, fllm_last_error()};
    }
  }
  static Result<void> result(fllm_status status) {
    if (status != FLLM_OK) return error(status);
    return {};
  }

  /// Collects spans whose size does not go with the rows.
  struct SpanCheck {
    std::string wrong;

    /// The address of a span that is empty or has so many elements; NULL for an empty one.
    template <class T>
    T* array(const char* name, std::span<T> span, std::size_t wanted) {
      if (!span.empty() && span.size() != wanted) add(name, span.size(), std::to_string(wanted) + ", or empty");
      return span.empty() ? nullptr : span.data();
    }
    /// The same for a matrix; nothing need lie behind its last row.
    template <class T>
    T* matrix(const char* name, std::span<T> span, std::size_t rows, std::int64_t stride, std::size_t columns) {
      const std::size_t apart = stride > 0 ? static_cast<std::size_t>(stride) : columns;
      const std::size_t least = rows == 0 ? 0 : (rows - 1) * apart + columns;
      if (!span.empty() && span.size() < least) add(name, span.size(), "at least " + std::to_string(least));
      return span.empty() ? nullptr : span.data();
    }
    void add(const char* name, std::size_t size, const std::string& allowed) {
      if (!wrong.empty()) wrong += '\n';
      wrong.append(name).append(": size ").append(std::to_string(size)).append(": must be ").append(allowed);
    }
  };

  static fllm_sample_args c_logits(const LogitsView& logits) {
    fllm_sample_args c{};
    c.struct_size = sizeof c;
    c.logits = logits.data;
    c.logits_stride = logits.stride;
    c.rows = logits.rows;
    c.vocab = logits.vocab;
    c.logits_dtype = static_cast<std::int32_t>(logits.type);
    return c;
  }

  static fllm_sample_args c_arguments(const SampleArguments& a, SpanCheck& check) {
    const std::size_t rows = a.logits.rows > 0 ? static_cast<std::size_t>(a.logits.rows) : 0;
    const std::size_t vocab = a.logits.vocab > 0 ? static_cast<std::size_t>(a.logits.vocab) : 0;
    fllm_sample_args c = c_logits(a.logits);
    c.advance = a.advance ? 1 : 0;
    c.tokens = check.array("tokens", a.tokens, rows);
    c.status = check.array("status", a.status, rows);
    c.workspace = a.workspace.data();
    c.workspace_bytes = a.workspace.size();
    c.temperature = check.array("temperature", a.temperature, rows);
    c.top_k = check.array("top_k", a.top_k, rows);
    c.top_p = check.array("top_p", a.top_p, rows);
    c.min_p = check.array("min_p", a.min_p, rows);
    c.repetition_penalty = check.array("repetition_penalty", a.repetition_penalty, rows);
    c.frequency_penalty = check.array("frequency_penalty", a.frequency_penalty, rows);
    c.presence_penalty = check.array("presence_penalty", a.presence_penalty, rows);
    c.seed = check.array("seed", a.seed, rows);
    c.position = check.array("position", a.position, rows);
    c.sample_index = check.array("sample_index", a.sample_index, rows);
    c.fallback_id = check.array("fallback_id", a.fallback_id, rows);
    c.generated = check.array("generated", a.generated, rows);
    c.min_tokens = check.array("min_tokens", a.min_tokens, rows);
    c.mask_row = check.array("mask_row", a.mask_row, rows);
    c.allow_mask =
        check.matrix("allow_mask", a.allow_mask, a.mask_row.empty() ? rows : 1, a.mask_words, (vocab + 31) / 32);
    c.mask_words = a.mask_words;
    const auto ban_offsets = check.array("ban_offsets", a.ban_offsets, rows + 1);
    const auto end_id_offsets = check.array("end_id_offsets", a.end_id_offsets, rows + 1);
    if (!a.ban_ids.empty()) {  // an empty list has empty ranges
      c.ban_ids = a.ban_ids.data();
      c.ban_offsets = ban_offsets;
      c.end_id_offsets = end_id_offsets;
    }
    const auto bias_offsets = check.array("bias_offsets", a.bias_offsets, rows + 1);
    if (!a.bias.empty()) {
      c.bias = a.bias.data();
      c.bias_offsets = bias_offsets;
    }
    c.history = a.history;
    c.history_slot = check.array("history_slot", a.history_slot, rows);
    c.uniforms = check.array("uniforms", a.uniforms, rows);
    c.random_stream = a.random_stream;
    c.blocks_per_row = a.blocks_per_row;
    c.details = check.array("details", a.details, rows);
    c.top_count = rows > 0 ? static_cast<std::int32_t>(a.top.size() / rows) : 0;
    c.top = check.array("top", a.top, rows * static_cast<std::size_t>(c.top_count));
    c.probabilities = check.matrix("probabilities", a.probabilities, rows, a.probabilities_stride, vocab);
    c.probabilities_stride = a.probabilities_stride;
    c.filters = check.array("filters", a.filters, rows);
    c.sequences = a.sequences;
    if (!a.word_ids.empty()) {
      c.word_offsets = a.word_offsets.data();
      c.word_ids = a.word_ids.data();
    }
    c.breaker_ids = a.breaker_ids.data();
    return c;
  }

  std::unique_ptr<fllm_sampler, Destroy> handle_;
};

}  // namespace fllm
