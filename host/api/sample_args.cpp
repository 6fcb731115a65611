// SPDX-License-Identifier: Apache-2.0
#include "host/api/sample_args.h"

#include <charconv>
#include <cstdint>
#include <string>

#include "host/util/violations.h"

namespace fllm {
namespace {

constexpr std::int32_t kMaxRows = 1 << 20;
constexpr std::int32_t kMaxVocab = 1 << 20;
constexpr std::int64_t kMaxStride = std::int64_t{1} << 40;  // with kMaxRows, every address fits

static_assert(FLLM_FLOAT32 == static_cast<int>(LogitType::kFloat32) &&
              FLLM_FLOAT16 == static_cast<int>(LogitType::kFloat16) &&
              FLLM_BFLOAT16 == static_cast<int>(LogitType::kBFloat16));
static_assert(FLLM_ROW_NAN == int{kSampleNan} && FLLM_ROW_INF == int{kSampleInf} &&
              FLLM_ROW_EMPTY == int{kSampleEmpty} && FLLM_ROW_FULL == int{kSampleFull});
static_assert(FLLM_ROW_UNDECIDED == int{kSampleUndecided} && FLLM_SHARD_STATE_BYTES == sizeof(ShardState));
static_assert(FLLM_STREAM_TARGET == static_cast<int>(RandomStream::kTarget) &&
              FLLM_STREAM_DRAFT == static_cast<int>(RandomStream::kDraft) &&
              FLLM_STREAM_ACCEPTANCE == static_cast<int>(RandomStream::kAcceptance) &&
              FLLM_STREAM_RESIDUAL == static_cast<int>(RandomStream::kResidual) &&
              FLLM_STREAM_BEAM == static_cast<int>(RandomStream::kBeam));
// The bits of a count entry: tests/unit/c_api_test.cpp.
static_assert(sizeof(fllm_bias_entry) == sizeof(BiasEntry) && sizeof(fllm_count_entry) == sizeof(CountEntry));
static_assert(sizeof(fllm_sample_detail) == sizeof(SampleDetail) &&
              offsetof(fllm_sample_detail, rank) == offsetof(SampleDetail, rank) &&
              offsetof(fllm_sample_detail, kept_mass) == offsetof(SampleDetail, kept_mass));
static_assert(sizeof(fllm_top_entry) == sizeof(TopEntry) &&
              offsetof(fllm_top_entry, processed_logprob) == offsetof(TopEntry, processed_logprob));

static_assert(sizeof(fllm_row_filters) == sizeof(RowFilters) &&
              offsetof(fllm_row_filters, bad_words) == offsetof(RowFilters, bad_words) &&
              offsetof(fllm_row_filters, no_repeat_ngram) == offsetof(RowFilters, no_repeat_ngram) &&
              offsetof(fllm_row_filters, dry_allowed_length) == offsetof(RowFilters, dry_allowed_length) &&
              offsetof(fllm_row_filters, dry_breakers) == offsetof(RowFilters, dry_breakers) &&
              offsetof(fllm_row_filters, typical_p) == offsetof(RowFilters, typical_p) &&
              offsetof(fllm_row_filters, mirostat_eta) == offsetof(RowFilters, mirostat_eta));

/// Checks of arguments that C callers pass.
class ArgsCheck : public Violations {
 public:
  void given(const char* name, const void* pointer) {
    if (pointer == nullptr) add(name, "NULL", "must be given");
  }
  /// `other` makes no sense without the pointer.
  void given_with(const char* name, const void* pointer, const void* other, const char* why) {
    if (pointer == nullptr && other != nullptr) add(name, "NULL", why);
  }
  template <class T>
  void aligned(const char* name, const T* pointer) {
    aligned(name, pointer, alignof(T));
  }
  void aligned(const char* name, const void* pointer, std::size_t alignment) {
    const auto address = reinterpret_cast<std::uintptr_t>(pointer);
    if (address % alignment == 0) return;
    char digits[20];
    const char* end = std::to_chars(digits, digits + sizeof digits, address, 16).ptr;
    add(name, "0x" + std::string(static_cast<const char*>(digits), end),
        "must be aligned to " + std::to_string(alignment) + " bytes");
  }
  void shape(std::int32_t rows, std::int32_t vocab) {
    require(rows >= 0 && rows <= kMaxRows, "rows", rows, "must be in [0, 1048576]");
    require(vocab >= 1 && vocab <= kMaxVocab, "vocab", vocab, "must be in [1, 1048576]");
  }
  void stride(const char* name, std::int64_t value, std::int64_t least, const char* allowed) {
    require(value == 0 || (value >= least && value <= kMaxStride), name, value, allowed);
  }
  /// True when there is a table.
  bool history(const fllm_history_table& table) {
    const bool present = table.entries != nullptr || table.sizes != nullptr || table.capacity != 0 || table.slots != 0;
    if (!present) return false;
    given("history.entries", table.entries);
    given("history.sizes", table.sizes);
    aligned("history.entries", table.entries);
    aligned("history.sizes", table.sizes);
    require(table.capacity >= 1, "history.capacity", table.capacity, "must be at least 1");
    require(table.slots >= 1, "history.slots", table.slots, "must be at least 1");
    return true;
  }
  /// True when there is a table.
  bool sequences(const fllm_sequence_table& table) {
    const bool tokens = table.tokens != nullptr || table.lengths != nullptr;
    if (!tokens && table.mirostat_mu == nullptr && table.capacity == 0 && table.slots == 0) return false;
    if (tokens) {
      given("sequences.tokens", table.tokens);
      given("sequences.lengths", table.lengths);
    } else if (table.mirostat_mu == nullptr) {
      add("sequences", "NULL", "must have tokens and lengths, mirostat_mu, or all of them");
    }
    aligned("sequences.tokens", table.tokens);
    aligned("sequences.lengths", table.lengths);
    aligned("sequences.mirostat_mu", table.mirostat_mu);
    require(tokens ? table.capacity >= 1 : table.capacity == 0, "sequences.capacity", table.capacity,
            tokens ? "must be at least 1" : "must be 0 without tokens");
    require(table.slots >= 1, "sequences.slots", table.slots, "must be at least 1");
    return true;
  }
};

HistoryTable history_table(const fllm_history_table& table) {
  return {reinterpret_cast<CountEntry*>(table.entries), table.sizes, table.capacity, table.slots};
}

void check_size(const fllm_sample_args& a, ArgsCheck& check) {
  check.shape(a.rows, a.vocab);
  check.require(a.logits_dtype >= FLLM_FLOAT32 && a.logits_dtype <= FLLM_BFLOAT16, "logits_dtype", a.logits_dtype,
                "must be 0 (FLLM_FLOAT32), 1 (FLLM_FLOAT16) or 2 (FLLM_BFLOAT16)");
  const std::int32_t blocks = a.blocks_per_row;
  check.require(blocks == 0 || blocks == 1 || blocks == 2 || blocks == 4 || blocks == 8, "blocks_per_row", blocks,
                "must be 0 (chosen by shape), 1, 2, 4 or 8");
}

SampleSize size_of(const fllm_sample_args& a) {
  return {static_cast<LogitType>(a.logits_dtype), a.rows, a.vocab, a.blocks_per_row};
}

void check_inputs(const fllm_sample_args& a, ArgsCheck& check) {
  check.aligned("temperature", a.temperature);
  check.aligned("top_k", a.top_k);
  check.aligned("top_p", a.top_p);
  check.aligned("min_p", a.min_p);
  check.aligned("repetition_penalty", a.repetition_penalty);
  check.aligned("frequency_penalty", a.frequency_penalty);
  check.aligned("presence_penalty", a.presence_penalty);
  check.aligned("seed", a.seed);
  check.aligned("position", a.position);
  check.aligned("sample_index", a.sample_index);
  check.aligned("fallback_id", a.fallback_id);
  check.aligned("generated", a.generated);
  check.aligned("min_tokens", a.min_tokens);
  check.aligned("uniforms", a.uniforms);
  check.require(a.random_stream >= FLLM_STREAM_TARGET && a.random_stream <= FLLM_STREAM_BEAM, "random_stream",
                a.random_stream, "must be in [0, 4] (FLLM_STREAM_*)");

  check.aligned("allow_mask", a.allow_mask);
  check.aligned("mask_row", a.mask_row);
  check.given_with("allow_mask", a.allow_mask, a.mask_row, "must be given with mask_row");
  if (a.allow_mask != nullptr) {
    check.stride("mask_words", a.mask_words, (std::int64_t{a.vocab} + 31) / 32,
                 "must be at least ceil(vocab / 32), or 0 for that many");
  }
  check.aligned("ban_ids", a.ban_ids);
  check.aligned("ban_offsets", a.ban_offsets);
  check.aligned("end_id_offsets", a.end_id_offsets);
  check.given_with("ban_ids", a.ban_ids, a.ban_offsets, "must be given with ban_offsets");
  check.given_with("ban_ids", a.ban_ids, a.end_id_offsets, "must be given with end_id_offsets");
  if (a.ban_offsets == nullptr) {
    check.given_with("end_id_offsets", a.end_id_offsets, a.ban_ids, "must be given with ban_ids, or ban_offsets");
  }
  check.aligned("bias", a.bias);
  check.aligned("bias_offsets", a.bias_offsets);
  check.given_with("bias", a.bias, a.bias_offsets, "must be given with bias_offsets");
  check.given_with("bias_offsets", a.bias_offsets, a.bias, "must be given with bias");
  check.aligned("history_slot", a.history_slot);
  const bool history = check.history(a.history);
  if (history != (a.history_slot != nullptr)) {
    check.add(history ? "history_slot" : "history", history ? "NULL" : "all zero",
              history ? "must be given with history" : "must be given with history_slot");
  }
}

void check_filters(const fllm_sample_args& a, ArgsCheck& check) {
  check.aligned("filters", a.filters);
  const bool sequences = check.sequences(a.sequences);
  if (sequences && a.filters == nullptr) check.add("filters", "NULL", "must be given with sequences");
  check.aligned("word_offsets", a.word_offsets);
  check.aligned("word_ids", a.word_ids);
  check.aligned("breaker_ids", a.breaker_ids);
  check.given_with("word_ids", a.word_ids, a.word_offsets, "must be given with word_offsets");
  check.given_with("word_offsets", a.word_offsets, a.word_ids, "must be given with word_ids");
  check.given_with("filters", a.filters, a.word_offsets, "must be given with word_offsets");
  check.given_with("filters", a.filters, a.breaker_ids, "must be given with breaker_ids");
}

void check_outputs(const fllm_sample_args& a, ArgsCheck& check) {
  check.aligned("tokens", a.tokens);
  check.aligned("status", a.status);
  check.aligned("details", a.details);
  check.aligned("top", a.top);
  check.aligned("probabilities", a.probabilities);
  const bool top = a.top != nullptr;
  check.require(top ? a.top_count >= 1 && a.top_count <= kMaxTopEntries : a.top_count == 0, "top_count", a.top_count,
                top ? "must be in [1, 32] with top" : "must be 0 without top");
  if (a.probabilities != nullptr) {
    check.stride("probabilities_stride", a.probabilities_stride, a.vocab, "must be at least vocab, or 0 for that");
  }
  check.require(a.advance == 0 || a.advance == 1, "advance", a.advance, "must be 0 or 1");
  if (a.advance == 1 && a.position == nullptr && a.generated == nullptr && a.history_slot == nullptr &&
      a.sequences.slots == 0) {
    check.add("advance", "1", "must have something to advance: position, generated, history_slot or sequences");
  }
  check.require(a.reserved == 0, "reserved", a.reserved, "must be 0");
}

void check_workspace(const SamplerBackend& backend, const fllm_sample_args& a, ArgsCheck& check) {
  const std::size_t needed = backend.workspace_bytes(size_of(a));
  if (a.workspace_bytes < needed) {
    check.require(false, "workspace_bytes", a.workspace_bytes,
                  "must be at least " + std::to_string(needed) + " (fllm_sampler_workspace_size)");
  } else if (needed > 0) {
    check.given("workspace", a.workspace);
  }
}

RowArrays row_arrays(const fllm_sample_args& a) {
  RowArrays r;
  r.temperatures = a.temperature;
  r.top_ks = a.top_k;
  r.top_ps = a.top_p;
  r.min_ps = a.min_p;
  r.repetition_penalties = a.repetition_penalty;
  r.frequency_penalties = a.frequency_penalty;
  r.presence_penalties = a.presence_penalty;
  r.fallback_ids = a.fallback_id;
  r.mask_rows = a.mask_row;
  r.ban_offsets = a.ban_offsets;
  r.end_id_offsets = a.end_id_offsets;
  r.bias_offsets = a.bias_offsets;
  r.history_slots = a.history_slot;
  r.min_tokens = a.min_tokens;
  r.generated = a.generated;
  r.seeds = a.seed;
  r.positions = a.position;
  r.sample_indices = a.sample_index;
  r.stream = static_cast<RandomStream>(a.random_stream);
  return r;
}

FilterParams filter_params(const fllm_sample_args& a) {
  FilterParams p;
  p.rows = reinterpret_cast<const RowFilters*>(a.filters);
  p.sequences = {a.sequences.tokens, a.sequences.lengths, a.sequences.mirostat_mu, a.sequences.capacity,
                 a.sequences.slots};
  p.word_offsets = a.word_offsets;
  p.word_ids = a.word_ids;
  p.breaker_ids = a.breaker_ids;
  return p;
}

SampleParams sample_params(const fllm_sample_args& a) {
  SampleParams p;
  p.logits = a.logits;
  p.stride = a.logits_stride != 0 ? a.logits_stride : a.vocab;
  p.rows = a.rows;
  p.vocab = a.vocab;
  p.arrays = row_arrays(a);
  p.allow_mask = a.allow_mask;
  p.mask_words = a.mask_words != 0 ? a.mask_words : (a.vocab + 31) / 32;
  p.ban_ids = a.ban_ids;
  p.bias = reinterpret_cast<const BiasEntry*>(a.bias);
  p.history = history_table(a.history);
  p.filters = filter_params(a);
  p.advance = a.advance;
  p.uniforms = a.uniforms;
  p.blocks_per_row = a.blocks_per_row;
  p.tokens = a.tokens;
  p.status = a.status;
  p.details = reinterpret_cast<SampleDetail*>(a.details);
  p.top = reinterpret_cast<TopEntry*>(a.top);
  p.top_count = a.top_count;
  p.probabilities = a.probabilities;
  p.probabilities_stride = a.probabilities_stride != 0 ? a.probabilities_stride : a.vocab;
  return p;
}

void check_shard(const fllm_sample_args& a, const fllm_shard_args& s, ArgsCheck& check) {
  const bool ranks = s.ranks >= 1 && s.ranks <= kMaxRanks;
  check.require(ranks, "ranks", s.ranks, "must be in [1, 64]");
  check.require(s.rank >= 0 && s.rank < s.ranks, "rank", s.rank, "must be in [0, ranks)");
  check.require(s.vocab >= 1 && s.vocab <= kMaxVocab, "shard vocab", s.vocab, "must be in [1, 1048576]");
  check.require(s.first_id >= 0 && s.first_id % 32 == 0 && std::int64_t{s.first_id} + a.vocab <= s.vocab, "first_id",
                s.first_id, "must be a multiple of 32, and the slice within the shard's vocab");
  const std::int32_t most = ranks ? max_shard_list(s.ranks) : 0;
  check.require(s.list_size >= 0 && s.list_size <= most, "list_size", s.list_size,
                "must be in [0, min(256, 512 / ranks)]");
  check.require(s.last == 0 || s.last == 1, "last", s.last, "must be 0 or 1");
  check.require(s.step >= (s.last == 1 ? 1 : 0), "step", s.step, "must be at least 0, and 1 for the last one");
  check.require(s.reserved == 0, "shard reserved", s.reserved, "must be 0");
  if (a.rows > 0) {
    check.given("words", s.words);
    check.given("states", s.states);
  }
  check.aligned("words", s.words);
  check.aligned("states", s.states, alignof(ShardState));
  if (a.allow_mask != nullptr && ranks) {
    check.require(a.mask_words >= (std::int64_t{s.vocab} + 31) / 32, "mask_words", a.mask_words,
                  "must be at least ceil(shard vocab / 32)");
  }
  if (a.details != nullptr || a.top != nullptr || a.probabilities != nullptr) {
    check.add("details, top, probabilities", "given", "must be NULL for fllm_sample_shard");
  }
  if (a.filters != nullptr) check.add("filters", "given", "must be NULL for fllm_sample_shard");
}

/// The checks of every call that samples.
void check_call(const SamplerBackend& backend, const fllm_sample_args& args, ArgsCheck& check) {
  check_size(args, check);
  const bool sized = check.lines().empty();
  if (args.rows > 0) {
    check.given("logits", args.logits);
    check.given("tokens", args.tokens);
  }
  check.aligned("logits", args.logits, args.logits_dtype == FLLM_FLOAT32 ? 4 : 2);
  check.stride("logits_stride", args.logits_stride, args.vocab, "must be at least vocab, or 0 for that");
  check_inputs(args, check);
  check_filters(args, check);
  check_outputs(args, check);
  if (sized) check_workspace(backend, args, check);
}

SampleCall call_of(const fllm_sample_args& args) {
  return {static_cast<LogitType>(args.logits_dtype),
          sample_params(args),
          {static_cast<std::byte*>(args.workspace), args.workspace_bytes}};
}

}  // namespace

SampleSize check_sample_size(const fllm_sample_args& args) {
  ArgsCheck check;
  check_size(args, check);
  refuse_violations(check.lines());
  return size_of(args);
}

SampleCall check_sample_args(const SamplerBackend& backend, const fllm_sample_args& args) {
  ArgsCheck check;
  check_call(backend, args, check);
  refuse_violations(check.lines());
  return call_of(args);
}

ShardCall check_shard_args(const SamplerBackend& backend, const fllm_sample_args& args, const fllm_shard_args& shard) {
  ArgsCheck check;
  check_call(backend, args, check);
  check_shard(args, shard, check);
  refuse_violations(check.lines());
  SampleCall call = call_of(args);
  call.params.first_id = shard.first_id;
  ShardParams p;
  p.sample = call.params;
  p.vocab = shard.vocab;
  p.rank = shard.rank;
  p.ranks = shard.ranks;
  p.list_size = shard.list_size;
  p.step = shard.step;
  p.last = shard.last;
  p.words = reinterpret_cast<Mass*>(shard.words);
  p.states = static_cast<ShardState*>(shard.states);
  return {call.type, p, call.workspace};
}

HistoryAppendParams check_history_args(const fllm_history_append_args& args) {
  ArgsCheck check;
  check.shape(args.rows, args.vocab);
  if (!check.history(args.history)) check.add("history", "all zero", "must be given");
  if (args.rows > 0) check.given("ids", args.ids);
  check.aligned("ids", args.ids);
  check.aligned("id_offsets", args.id_offsets);
  check.aligned("slots", args.slots);
  check.aligned("are_outputs", args.are_outputs);
  check.aligned("status", args.status);
  refuse_violations(check.lines());
  HistoryAppendParams p;
  p.history = history_table(args.history);
  p.ids = args.ids;
  p.offsets = args.id_offsets;
  p.slots = args.slots;
  p.are_outputs = args.are_outputs;
  p.status = args.status;
  p.rows = args.rows;
  p.vocab = args.vocab;
  return p;
}

}  // namespace fllm
