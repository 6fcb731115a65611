// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "fundamentallm/c_api.h"
#include "tests/support/sample_batch.h"

namespace fllm::test {

/// A batch of rows as a caller of the C interface would have it: an array for each parameter, in host memory. top_p and
/// min_p become the nearest float, which is what `rows` then says too.
class ArrayCall {
 public:
  explicit ArrayCall(const SampleBatch& batch) : batch_(&batch), params_(batch.host_params()) {
    std::int32_t capacity = 1;
    for (std::int32_t i = 0; i < params_.rows; ++i) {
      const TableRange counts = params_.sampling[i].counts;
      capacity = std::max(capacity, counts.end - counts.begin);
    }
    history_entries.resize(static_cast<std::size_t>(params_.rows) * static_cast<std::size_t>(capacity));
    history_capacity = capacity;
    for (std::int32_t i = 0; i < params_.rows; ++i) add(i);
    const auto count = static_cast<std::size_t>(params_.rows);
    tokens.assign(count, -77);
    status.assign(count, 0xa5a5a5a5);
    details.resize(count);
    top.resize(count * static_cast<std::size_t>(params_.top_count));
    probabilities.assign(count * static_cast<std::size_t>(params_.vocab), -7);
  }

  /// Everything but the workspace.
  [[nodiscard]] fllm_sample_args args() {
    fllm_sample_args a{};
    a.struct_size = sizeof a;
    a.logits = params_.logits;
    a.logits_stride = params_.stride;
    a.rows = params_.rows;
    a.vocab = params_.vocab;
    a.logits_dtype = static_cast<std::int32_t>(batch_->layout().type);
    a.tokens = tokens.data();
    a.status = status.data();
    a.temperature = temperature.data();
    a.top_k = top_k.data();
    a.top_p = top_p.data();
    a.min_p = min_p.data();
    a.repetition_penalty = repetition_penalty.data();
    a.frequency_penalty = frequency_penalty.data();
    a.presence_penalty = presence_penalty.data();
    a.seed = seed.data();
    a.position = position.data();
    a.sample_index = sample_index.data();
    a.fallback_id = fallback_id.data();
    a.generated = generated.data();
    a.min_tokens = min_tokens.data();
    if (params_.allow_mask != nullptr) {
      a.allow_mask = params_.allow_mask;
      a.mask_words = params_.mask_words;
      a.mask_row = mask_row.data();
    }
    a.ban_ids = ban_ids.data();
    a.ban_offsets = ban_offsets.data();
    a.end_id_offsets = end_id_offsets.data();
    a.bias = bias.data();
    a.bias_offsets = bias_offsets.data();
    a.history = {history_entries.data(), history_sizes.data(), history_capacity, params_.rows};
    a.history_slot = history_slot.data();
    a.uniforms = params_.uniforms;
    a.details = details.data();
    if (params_.top_count > 0) a.top = top.data();
    a.top_count = params_.top_count;
    a.probabilities = probabilities.data();
    a.filters = reinterpret_cast<const fllm_row_filters*>(params_.filters.rows);
    const SequenceTable& sequences = params_.filters.sequences;
    a.sequences = {sequences.tokens, sequences.lengths, sequences.mirostat_mus, sequences.capacity,
                   sequences.slot_count};
    a.word_ids = params_.filters.word_ids;
    if (a.word_ids != nullptr) a.word_offsets = params_.filters.word_offsets;
    a.breaker_ids = params_.filters.breaker_ids;
    return a;
  }

  /// The same rows for the oracle and for Backend::sample, outputs null.
  [[nodiscard]] SampleParams rows_params() const {
    SampleParams p = params_;
    p.sampling = rows.data();
    return p;
  }

  /// Words of the allow mask.
  [[nodiscard]] std::size_t mask_count() const {
    std::int32_t last = -1;
    for (const std::int32_t row : mask_row) last = std::max(last, row);
    return static_cast<std::size_t>((last + 1) * params_.mask_words);
  }

  std::vector<RowSampling> rows;
  std::vector<float> temperature, top_p, min_p, repetition_penalty, frequency_penalty, presence_penalty;
  std::vector<std::int32_t> top_k, fallback_id, generated, min_tokens, mask_row, history_slot, history_sizes;
  std::vector<std::uint64_t> seed;
  std::vector<std::uint32_t> position, sample_index;
  std::vector<std::int32_t> ban_ids{-1}, ban_offsets, end_id_offsets{1}, bias_offsets{0};
  std::vector<fllm_bias_entry> bias{{-1, 1.0f}};
  std::vector<fllm_count_entry> history_entries;
  std::int32_t history_capacity = 0;

  std::vector<std::int32_t> tokens;
  std::vector<std::uint32_t> status;
  std::vector<fllm_sample_detail> details;
  std::vector<fllm_top_entry> top;
  std::vector<float> probabilities;

 private:
  void add(std::int32_t index) {
    RowSampling s = params_.sampling[index];
    const auto p = static_cast<float>(s.top_p * 0x1p-32);
    top_p.push_back(s.top_p_on != 0 ? std::min(p, 0x1.fffffep-1f) : 1.0f + static_cast<float>(index % 2));
    s.top_p = s.top_p_on != 0 ? static_cast<std::uint32_t>(static_cast<double>(top_p.back()) * 0x1p32) : 0;
    min_p.push_back(static_cast<float>(static_cast<double>(s.min_mass) * 0x1p-40));
    s.min_mass = static_cast<Mass>(__builtin_ceil(static_cast<double>(min_p.back()) * 0x1p40));
    s.random.stream = RandomStream::kTarget;
    s.random.block = 0;
    rows.push_back(s);

    temperature.push_back(s.temperature);
    top_k.push_back(s.top_k);
    repetition_penalty.push_back(s.repetition_penalty);
    frequency_penalty.push_back(s.frequency_penalty);
    presence_penalty.push_back(s.presence_penalty);
    fallback_id.push_back(s.fallback_id);
    generated.push_back(s.generated);
    min_tokens.push_back(s.min_tokens);
    mask_row.push_back(s.mask_row);
    seed.push_back(s.seed);
    position.push_back(s.random.position);
    sample_index.push_back(s.random.sample);
    add_lists(index, s);
  }

  void add_lists(std::int32_t index, const RowSampling& s) {
    // Bans of a row in front of the next row's; the end ids of all rows behind the bans of all.
    if (ban_offsets.empty()) ban_offsets.push_back(1);
    ban_ids.insert(ban_ids.begin() + ban_offsets.back(), params_.ban_ids + s.bans.begin, params_.ban_ids + s.bans.end);
    const std::int32_t bans = s.bans.end - s.bans.begin;
    ban_offsets.push_back(ban_offsets.back() + bans);
    for (std::int32_t& offset : end_id_offsets) offset += bans;
    ban_ids.insert(ban_ids.end(), params_.ban_ids + s.end_ids.begin, params_.ban_ids + s.end_ids.end);
    end_id_offsets.push_back(static_cast<std::int32_t>(ban_ids.size()));
    for (std::int32_t i = s.bias.begin; i < s.bias.end; ++i) bias.push_back({params_.bias[i].id, params_.bias[i].bias});
    if (bias_offsets.size() == 1) bias_offsets[0] = 1;
    bias_offsets.push_back(static_cast<std::int32_t>(bias.size()));

    // The slots in reverse, so that a row's slot is not its number.
    const std::int32_t slot = params_.rows - 1 - index;
    history_slot.push_back(slot);
    history_sizes.insert(history_sizes.begin(), s.counts.end - s.counts.begin);
    fllm_count_entry* out = history_entries.data() + static_cast<std::ptrdiff_t>(slot) * history_capacity;
    for (std::int32_t i = s.counts.begin; i < s.counts.end; ++i) {
      const CountEntry& entry = params_.counts[i];
      *out++ = {entry.id, entry.output_count | (std::uint32_t{entry.repeated} << 31)};
    }
  }

  const SampleBatch* batch_;
  SampleParams params_;
};

}  // namespace fllm::test
