// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/filter_uses.h"
#include "cuda/kernels/sampling/row_edit.h"
#include "cuda/portable/philox.h"

// Where a row's parameters and its working memory are.
namespace fllm::sampling {

/// p as units of 2^-32, when it is below 1; p <= 0 and NaN give 0 units, one id.
FLLM_HOST_DEVICE std::uint32_t top_p_units(float p) {
  return p > 0.0f ? static_cast<std::uint32_t>(p * 0x1p32f) : 0u;  // exact: a float below 1 has 24 bits
}

/// ceil(p * 2^40), at most 2^40; 0 for p <= 0 and NaN.
FLLM_HOST_DEVICE Mass min_p_mass(float p) {
  if (!(p > 0.0f)) return 0;
  if (p >= 1.0f) return kFullMass;
  const float scaled = p * 0x1p40f;  // exact
  const Mass floor = static_cast<Mass>(scaled);
  return floor + (static_cast<float>(floor) < scaled ? 1 : 0);
}

/// An element of a parameter array, or what stands for it where there is no array.
template <class T>
FLLM_DEVICE T element_or(const T* array, std::int64_t index, T otherwise) {
  return array != nullptr ? array[index] : otherwise;
}
FLLM_DEVICE TableRange range_or_none(const std::int32_t* offsets, std::int64_t index) {
  return offsets != nullptr ? TableRange{offsets[index], offsets[index + 1]} : TableRange{};
}
/// NaN gives what stands for it, everything else the nearest number of [low, high].
FLLM_DEVICE float within(float value, float low, float high, float otherwise) {
  return value != value ? otherwise : value < low ? low : value > high ? high : value;
}

/// The bits of the row's ids in the allow mask; null: everything is allowed.
FLLM_DEVICE const std::uint32_t* mask_of(const SampleParams& p, std::int64_t index) {
  if (p.allow_mask == nullptr) return nullptr;
  const std::int32_t row = p.sampling != nullptr
                               ? p.sampling[index].mask_row
                               : element_or(p.arrays.mask_rows, index, static_cast<std::int32_t>(index));
  return row >= 0 ? p.allow_mask + row * p.mask_words + p.first_id / 32 : nullptr;
}

/// A row's parameters, from the arrays.
FLLM_DEVICE RowSampling from_arrays(const SampleParams& p, std::int64_t index) {
  constexpr float kLargest = 0x1.fffffep127f;
  const RowArrays& a = p.arrays;
  RowSampling s;
  s.temperature = within(element_or(a.temperatures, index, 1.0f), 0.0f, kLargest, 1.0f);
  s.top_k = element_or(a.top_ks, index, 0);
  const float top_p = within(element_or(a.top_ps, index, 1.0f), 0.0f, 1.0f, 1.0f);
  s.top_p_on = top_p < 1.0f ? 1 : 0;
  s.top_p = s.top_p_on != 0 ? top_p_units(top_p) : 0;
  s.min_mass = min_p_mass(within(element_or(a.min_ps, index, 0.0f), 0.0f, 1.0f, 0.0f));
  s.repetition_penalty = within(element_or(a.repetition_penalties, index, 1.0f), 0x1p-126f, kLargest, 1.0f);
  s.frequency_penalty = within(element_or(a.frequency_penalties, index, 0.0f), -2.0f, 2.0f, 0.0f);
  s.presence_penalty = within(element_or(a.presence_penalties, index, 0.0f), -2.0f, 2.0f, 0.0f);
  s.fallback_id = element_or(a.fallback_ids, index, 0);
  s.bans = range_or_none(a.ban_offsets, index);
  s.end_ids = range_or_none(a.end_id_offsets, index);
  s.bias = range_or_none(a.bias_offsets, index);
  s.history_slot = element_or(a.history_slots, index, -1);
  s.min_tokens = element_or(a.min_tokens, index, 0);
  s.generated = element_or<std::int32_t>(a.generated, index, 0);
  s.seed = element_or(a.seeds, index, std::uint64_t{0});
  s.random = {element_or<std::uint32_t>(a.positions, index, 0), element_or(a.sample_indices, index, 0u), a.stream, 0};
  return s;
}

/// Puts what the whole block asks of the row's parameters into shared memory. One warp.
template <Cta C>
FLLM_DEVICE void prepare(const C& cta, SharedRow& shared, const SampleParams& p, std::int64_t index) {
  if (p.sampling != nullptr) {
    constexpr std::int32_t kWords = sizeof(RowSampling) / sizeof(std::uint64_t);
    const auto* from = reinterpret_cast<const std::uint64_t*>(p.sampling + index);
    for (std::int32_t i = cta.lane(); i < kWords; i += C::kWarpWidth) shared.sampling_words[i] = from[i];
    cta.sync_warp();  // all words are there
  } else if (cta.lane() == 0) {
    shared.sampling() = from_arrays(p, index);
  }
  if (cta.lane() != 0) return;
  const RowSampling& s = shared.sampling();
  shared.list_count = 0;
  shared.has_edits = has_edits(p, s) ? 1 : 0;
  shared.filter_uses = p.filters.rows != nullptr ? filter_uses(p.filters, p.filters.rows[index]) : 0;
  shared.mirostat_mu = 0;  // rows with other filters may load it too
  const bool greedy = is_greedy(s);
  if (!greedy) shared.bits = p.uniforms != nullptr ? p.uniforms[index] : random_bits(s.seed, s.random);
}

/// Lays the row out in the memory of its blocks.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE Row<C, kIds> open_row(const C& cta, const SampleParams& p, std::int64_t index) {
  Row<C, kIds> row;
  row.layout = row_layout(p.vocab, cta.cluster_size(), cta.thread_count(), C::kWarpWidth, Positions<C, kIds>::kGroup);
  row.vocab = p.vocab;
  row.first_id = p.first_id;
  row.rank = cta.cluster_rank();
  row.begin = row.rank * row.layout.slice_width();
  auto* memory = static_cast<unsigned char*>(cta.dynamic_shared());
  row.chunk_masses = reinterpret_cast<Mass*>(memory);
  row.parts = reinterpret_cast<float*>(memory + row.layout.mass_bytes());
  if (p.scratch != nullptr) {
    row.streamed = p.scratch + index * p.scratch_stride;
    row.values = row.streamed + row.begin;
  } else {
    row.values = reinterpret_cast<float*>(memory + row.layout.mass_bytes() + row.layout.part_bytes());
  }
  return row;
}

}  // namespace fllm::sampling
