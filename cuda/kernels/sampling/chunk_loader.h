// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row.h"

// How a warp loads a chunk: 16 bytes a lane, many groups of ids on their way at once.
namespace fllm::sampling {

/// 16 bytes of logits as values.
FLLM_DEVICE void load_ids(const float* logits, float (&v)[4]) {
  const Vector4 vector = load4_constant(logits);
  FLLM_UNROLL
  for (std::int32_t i = 0; i < 4; ++i) v[i] = vector.x[i];
}
template <class LogitT>
FLLM_DEVICE void load_ids(const LogitT* logits, float (&v)[8]) {
  const Words4 words = load_words4_constant(logits);
  FLLM_UNROLL
  for (std::int32_t i = 0; i < 4; ++i) {
    v[2 * i] = to_float(static_cast<LogitT>(static_cast<std::uint16_t>(words.word[i] & 0xffffu)));
    v[2 * i + 1] = to_float(static_cast<LogitT>(static_cast<std::uint16_t>(words.word[i] >> 16)));
  }
}

/// One lane's way through a chunk. kMasked: with an allow mask.
template <Cta C, class LogitT, bool kMasked>
class ChunkLoader {
 public:
  using Place = Positions<C, kRowIds<C, LogitT>>;
  static constexpr std::int32_t kPerLane = Place::kPerLane;

  FLLM_DEVICE ChunkLoader(const C& cta, const Row<C, kRowIds<C, LogitT>>& row, const LogitT* logits,
                          const std::uint32_t* mask)
      : cta_(cta), row_(row), logits_(logits), mask_(mask) {}

  /// Writes the lane's values of a chunk and, without a mask, its part's maximum; true when there was a NaN.
  FLLM_DEVICE bool load(std::int32_t chunk) {
    const std::int32_t first = chunk * row_.layout.chunk_width;
    const std::int32_t groups = row_.layout.chunk_width / Place::kGroup;
    const std::int32_t left = row_.vocab - row_.begin - first;  // ids from here to the row's end, possibly none
    const std::int32_t whole = left <= 0 ? 0 : left / Place::kGroup < groups ? left / Place::kGroup : groups;
    std::int32_t g = 0;
    if ((reinterpret_cast<std::uintptr_t>(logits_) & 15u) == 0) {
      for (; g + kAhead <= whole; g += kAhead) load_whole<kAhead>(first + g * Place::kGroup);
      for (; g < whole; ++g) load_whole<1>(first + g * Place::kGroup);
    }
    for (; g < groups; ++g) load_scattered(first + g * Place::kGroup);
    const bool has_nan = raw_ != raw_;
    if (has_nan) forget_nan(chunk);
    if (!kMasked) row_.parts[row_.part_of(cta_, chunk)] = raw_;
    return has_nan;
  }

 private:
  static constexpr std::int32_t kAhead = 64 / kPerLane;  // groups asked for before the first is used

  template <std::int32_t kGroups>
  FLLM_DEVICE void load_whole(std::int32_t base) {
    float v[kGroups][kPerLane];
    std::uint32_t allowed[kGroups];
    const std::int32_t id = row_.begin + base + cta_.lane() * kPerLane;
    FLLM_UNROLL
    for (std::int32_t g = 0; g < kGroups; ++g) load_ids(logits_ + id + g * Place::kGroup, v[g]);
    if constexpr (kMasked) load_mask<kGroups>(row_.begin + base, allowed);
    float* to = row_.values + base + cta_.lane() * 4;
    FLLM_UNROLL
    for (std::int32_t g = 0; g < kGroups; ++g) take(to + g * Place::kGroup, v[g], allowed[g]);
  }

  /// The lane's bits of each group. A warp reads the words of several groups at once: they are shorter than a sector.
  template <std::int32_t kGroups>
  FLLM_DEVICE void load_mask(std::int32_t first_id, std::uint32_t (&allowed)[kGroups]) {
    constexpr std::int32_t kGroupWords = Place::kGroup / 32, kWords = kGroups * kGroupWords;
    const std::uint32_t* words = mask_ + first_id / 32;
    std::uint32_t word[(kWords + kGroupLanes - 1) / kGroupLanes];
    FLLM_UNROLL
    for (std::int32_t i = 0; i * kGroupLanes < kWords; ++i) {
      const std::int32_t at = i * kGroupLanes + cta_.lane();
      word[i] = at < kWords ? words[at] : 0;
    }
    FLLM_UNROLL
    for (std::int32_t g = 0; g < kGroups; ++g) {
      const std::int32_t at = g * kGroupWords % kGroupLanes + cta_.lane() * kPerLane / 32;
      allowed[g] = cta_.shuffle(word[g * kGroupWords / kGroupLanes], at) >> (cta_.lane() * kPerLane % 32);
    }
  }

  /// A group that is not aligned or not whole: read in the order of ids, one by one.
  FLLM_DEVICE void load_scattered(std::int32_t base) {
    for (std::int32_t n = 0; n < kPerLane; ++n) {
      const std::int32_t offset = base + n * kGroupLanes + cta_.lane(), id = row_.begin + offset;
      row_.values[Place::of(offset)] = id < row_.vocab ? to_float(logits_[id]) : -infinity32();
    }
    cta_.sync_warp();  // the values of a lane were written by others
    float* to = row_.values + base + cta_.lane() * 4;
    float v[kPerLane];
    for (std::int32_t q = 0; q < Place::kVectors; ++q) {
      const Vector4 vector = load4(to + q * (kGroupLanes * 4));
      for (std::int32_t e = 0; e < 4; ++e) v[q * 4 + e] = vector.x[e];
    }
    const std::int32_t id = row_.begin + base + cta_.lane() * kPerLane;
    take(to, v, kMasked && id < row_.vocab ? mask_[id / 32] >> (id % 32) : 0);
  }

  FLLM_DEVICE void take(float* to, float (&v)[kPerLane], std::uint32_t allowed) {
    FLLM_UNROLL
    for (std::int32_t i = 0; i < kPerLane; ++i) raw_ = max_nan32(raw_, v[i]);
    FLLM_UNROLL
    for (std::int32_t i = 0; kMasked && i < kPerLane; ++i) {
      v[i] = ((allowed >> i) & 1u) != 0 ? v[i] : -infinity32();
    }
    FLLM_UNROLL
    for (std::int32_t q = 0; q < Place::kVectors; ++q) {
      store4(to + q * (kGroupLanes * 4), {{v[q * 4], v[q * 4 + 1], v[q * 4 + 2], v[q * 4 + 3]}});
    }
  }

  FLLM_DEVICE void forget_nan(std::int32_t chunk) {
    const std::int32_t first = chunk * row_.layout.chunk_width, last = first + row_.layout.chunk_width;
    raw_ = -infinity32();
    for (std::int32_t base = first; base < last; base += kGroupLanes * 4) {
      float* to = row_.values + base + cta_.lane() * 4;
      Vector4 v = load4(to);
      for (std::int32_t e = 0; e < 4; ++e) {
        v.x[e] = sanitised(v.x[e]);
        raw_ = max32(raw_, v.x[e]);
      }
      store4(to, v);
    }
  }

  const C& cta_;
  const Row<C, kRowIds<C, LogitT>>& row_;
  const LogitT* logits_;
  const std::uint32_t* mask_;
  float raw_ = -infinity32();  // largest logit, NaN once there was one
};

}  // namespace fllm::sampling
