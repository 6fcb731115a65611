// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row_load.h"
#include "cuda/kernels/sampling/row_select.h"

// The optional outputs of a row. None of them changes the draw.
namespace fllm::sampling {

/// The model's own distribution: log-softmax of the sanitised, unedited logits at temperature 1, from integer masses.
template <class LogitT>
struct RawDistribution {
  const LogitT* logits = nullptr;
  float maximum = 0;
  float log_total = 0;            // ln(sum of masses / 2^40)
  std::int32_t infinite_id = -1;  // lowest id whose raw logit is +inf

  [[nodiscard]] FLLM_DEVICE float logprob(std::int32_t id) const {
    if (infinite_id >= 0) return id == infinite_id ? 0.0f : -infinity32();
    const float l = sanitised(to_float(logits[id]));
    return l > -infinity32() ? (l - maximum) - log_total : -infinity32();
  }
};

template <Cta C, class LogitT>
FLLM_DEVICE RawDistribution<LogitT> raw_distribution(const C& cta, SharedRow& shared, const LogitT* logits,
                                                     std::int32_t vocab, std::int32_t maximum_key) {
  RawDistribution<LogitT> raw{logits, from_ordered(maximum_key), 0, -1};
  if (maximum_key == kOrderedInfinity) {
    std::int32_t id = INT32_MAX;
    for (std::int32_t i = cta.thread_index(); i < vocab; i += cta.thread_count()) {
      if (to_float(logits[i]) == infinity32() && i < id) id = i;
    }
    raw.infinite_id = block_reduce(cta, shared.slots, id, Minimum{});
  } else if (maximum_key > kOrderedMinusInfinity) {
    const float scale = mass_scale(1.0f);
    Mass sum = 0;
    for (std::int32_t i = cta.thread_index(); i < vocab; i += cta.thread_count()) {
      sum += mass_of_logit(sanitised(to_float(logits[i])), raw.maximum, scale);
    }
    raw.log_total = log_mass(block_reduce(cta, shared.crossing.slots, sum, Sum{}));
  }
  return raw;
}

/// Which ids can still be drawn, for the outputs: the kept set, or one id alone (greedy, +inf), or none.
struct Support {
  Row row;
  Cut cut;
  std::int32_t only_id = -1;
  Mass total = 0;  // 0: empty

  [[nodiscard]] FLLM_DEVICE Mass mass(std::int32_t id) const {
    if (total == 0) return 0;
    if (only_id >= 0) return id == only_id ? kFullMass : 0;
    const std::int32_t key = row.keys[id];
    return cut.keeps(key, id) ? row.mass(key) : 0;
  }
  /// ln(mass / total)
  [[nodiscard]] FLLM_DEVICE float logprob(std::int32_t id) const {
    const Mass part = mass(id);
    return part > 0 ? log_mass(part) - log_mass(total) : -infinity32();
  }
};

/// How many ids come before `id` in the total order.
template <Cta C>
FLLM_DEVICE std::int32_t rank_of(const C& cta, SharedRow& shared, const Row& row, std::int32_t id) {
  const Cut before{row.keys[id], id - 1};
  std::int32_t rank = 0;
  for (std::int32_t t = cta.warp(); t < row.tiles.count; t += cta.warp_count()) {
    if (shared.tile_key[t] < before.key) continue;
    const std::int32_t begin = t * row.tiles.width;
    for (std::int32_t i = begin + cta.lane(); i < begin + row.tiles.width; i += C::kWarpWidth) {
      rank += before.keeps(row.keys[i], i) ? 1 : 0;
    }
  }
  return block_reduce(cta, shared.slots, rank, Sum{});
}

/// The first top_count allowed ids of the total order, in that order; -1 behind the last.
template <Cta C, class LogitT>
FLLM_DEVICE void write_top(const C& cta, SharedRow& shared, const Support& support, const RawDistribution<LogitT>& raw,
                           std::int32_t top_count, TopEntry* out) {
  const Row& row = support.row;
  const std::int32_t bound = count_bound(cta, shared, row, top_count);
  const auto above = [&](std::int32_t key) { return key >= bound; };
  const std::int32_t count = list_ids(cta, shared, row, above, above);
  const Cut cut = select_in_list(cta, shared, row, count, {static_cast<Mass>(top_count), false});
  const std::int32_t found = count < top_count ? count : top_count;
  for (std::int32_t i = found + cta.thread_index(); i < top_count; i += cta.thread_count()) {
    out[i] = {-1, -infinity32(), -infinity32()};
  }
  for (std::int32_t i = cta.thread_index(); i < count; i += cta.thread_count()) {
    const std::int32_t id = row.list[i], key = row.keys[id];
    if (!cut.keeps(key, id)) continue;
    std::int32_t place = 0;  // kept entries in front of this one
    const Cut before{key, id - 1};
    for (std::int32_t j = 0; j < count; ++j) place += before.keeps(row.keys[row.list[j]], row.list[j]) ? 1 : 0;
    out[place] = {id, raw.logprob(id), support.logprob(id)};
  }
}

template <Cta C>
FLLM_DEVICE void write_probabilities(const C& cta, const Support& support, float* out) {
  const float total = static_cast<float>(support.total);
  for (std::int32_t i = cta.thread_index(); i < support.row.vocab; i += cta.thread_count()) {
    const Mass mass = support.mass(i);
    out[i] = mass > 0 ? static_cast<float>(mass) / total : 0.0f;
  }
}

}  // namespace fllm::sampling
