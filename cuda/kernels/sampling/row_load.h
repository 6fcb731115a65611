// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row.h"
#include "cuda/primitives/bit_group.h"

// Step 1 of sampling, and the allow mask: raw logits to values in shared memory, each read once.
namespace fllm::sampling {

/// A raw logit as the row sees it: NaN is -inf.
FLLM_DEVICE float sanitised(float logit) { return logit == logit ? logit : -infinity32(); }

/// 16 bytes of logits as values.
FLLM_DEVICE void widen(const Words4& words, float (&v)[4], float) {
  FLLM_UNROLL
  for (std::int32_t i = 0; i < 4; ++i) v[i] = bit_cast<float>(words.word[i]);
}
template <class LogitT>
FLLM_DEVICE void widen(const Words4& words, float (&v)[8], LogitT) {
  FLLM_UNROLL
  for (std::int32_t i = 0; i < 4; ++i) {
    v[2 * i] = to_float(static_cast<LogitT>(static_cast<std::uint16_t>(words.word[i] & 0xffffu)));
    v[2 * i + 1] = to_float(static_cast<LogitT>(static_cast<std::uint16_t>(words.word[i] >> 16)));
  }
}

/// One lane's way through a chunk.
template <Cta C, class LogitT>
class ChunkLoader {
 public:
  using Place = Positions<C, LogitT>;
  static constexpr std::int32_t kPerLane = Place::kPerLane;

  FLLM_DEVICE ChunkLoader(const C& cta, const Row<C, LogitT>& row, const LogitT* logits, const std::uint32_t* mask)
      : cta_(cta), row_(row), logits_(logits), mask_(mask) {}

  /// Writes the lane's values of a chunk and its part's maximum; true when there was a NaN.
  FLLM_DEVICE bool load(std::int32_t chunk) {
    const std::int32_t first = chunk * row_.layout.chunk_width;
    const std::int32_t groups = row_.layout.chunk_width / Place::kGroup;
    const std::int32_t left = row_.vocab - row_.begin - first;  // ids from here to the row's end, possibly none
    const std::int32_t whole = left <= 0 ? 0 : left / Place::kGroup < groups ? left / Place::kGroup : groups;
    const bool aligned = (reinterpret_cast<std::uintptr_t>(logits_) & 15u) == 0;
    std::int32_t g = 0;
    if (aligned) {
      for (; g + kAhead <= whole; g += kAhead) load_ahead<kAhead>(first + g * Place::kGroup);
      for (; g < whole; ++g) load_ahead<1>(first + g * Place::kGroup);
    }
    for (; g < groups; ++g) load_scattered(first + g * Place::kGroup);
    const bool has_nan = raw_ != raw_;
    if (has_nan) forget_nan(chunk);
    row_.parts[row_.part_of(cta_, chunk)] = mask_ != nullptr || has_nan ? best_ : raw_;
    return has_nan;
  }

 private:
  static constexpr std::int32_t kAhead = 4;  // groups asked for before the first is used

  template <std::int32_t kGroups>
  FLLM_DEVICE void load_ahead(std::int32_t base) {
    Words4 words[kGroups];
    FLLM_UNROLL
    for (std::int32_t g = 0; g < kGroups; ++g) {
      words[g] = load_words4(logits_ + row_.begin + base + g * Place::kGroup + cta_.lane() * kPerLane);
    }
    FLLM_UNROLL
    for (std::int32_t g = 0; g < kGroups; ++g) {
      float v[kPerLane];
      widen(words[g], v, LogitT{});
      take(base + g * Place::kGroup, v);
    }
  }

  /// A group that is not aligned or not whole: read in the order of ids, one by one.
  FLLM_DEVICE void load_scattered(std::int32_t base) {
    for (std::int32_t n = 0; n < kPerLane; ++n) {
      const std::int32_t offset = base + n * kGroupLanes + cta_.lane(), id = row_.begin + offset;
      row_.values[Place::of(offset)] = id < row_.vocab ? to_float(logits_[id]) : -infinity32();
    }
    cta_.sync_warp();  // the values of a lane were written by others
    float v[kPerLane];
    for (std::int32_t q = 0; q < Place::kVectors; ++q) {
      const Vector4 vector = load4(place(base, q));
      for (std::int32_t e = 0; e < 4; ++e) v[q * 4 + e] = vector.x[e];
    }
    cta_.sync_warp();  // and are theirs no longer
    take(base, v);
  }

  FLLM_DEVICE void take(std::int32_t base, float (&v)[kPerLane]) {
    float largest = v[0];
    FLLM_UNROLL
    for (std::int32_t i = 1; i < kPerLane; ++i) largest = max_nan32(largest, v[i]);
    raw_ = max_nan32(raw_, largest);
    if (mask_ != nullptr) {
      const std::int32_t id = row_.begin + base + cta_.lane() * kPerLane;
      const std::uint32_t allowed = id < row_.vocab ? mask_[id / 32] >> (id % 32) : 0;
      FLLM_UNROLL
      for (std::int32_t i = 0; i < kPerLane; ++i) {
        v[i] = ((allowed >> i) & 1u) != 0 ? v[i] : -infinity32();
        best_ = max32(best_, v[i]);
      }
    }
    FLLM_UNROLL
    for (std::int32_t q = 0; q < Place::kVectors; ++q) {
      store4(place(base, q), {{v[q * 4], v[q * 4 + 1], v[q * 4 + 2], v[q * 4 + 3]}});
    }
  }

  FLLM_DEVICE void forget_nan(std::int32_t chunk) {
    const std::int32_t first = chunk * row_.layout.chunk_width, last = first + row_.layout.chunk_width;
    best_ = -infinity32();
    for (std::int32_t base = first; base < last; base += Place::kGroup) {
      for (std::int32_t q = 0; q < Place::kVectors; ++q) {
        Vector4 v = load4(place(base, q));
        for (std::int32_t e = 0; e < 4; ++e) {
          v.x[e] = sanitised(v.x[e]);
          best_ = max32(best_, v.x[e]);
        }
        store4(place(base, q), v);
      }
    }
  }

  [[nodiscard]] FLLM_DEVICE float* place(std::int32_t base, std::int32_t vector) const {
    return row_.values + base + vector * (kGroupLanes * 4) + cta_.lane() * 4;
  }

  const C& cta_;
  const Row<C, LogitT>& row_;
  const LogitT* logits_;
  const std::uint32_t* mask_;
  float raw_ = -infinity32();   // largest logit, NaN once there was one
  float best_ = -infinity32();  // largest value
};

/// The same where a lane is alone: loops of 32 ids, which become vector instructions.
template <Cta C, class LogitT>
FLLM_DEVICE bool load_chunk_alone(const Row<C, LogitT>& row, std::int32_t chunk, const LogitT* logits,
                                  const std::uint32_t* mask) {
  const std::int32_t first = chunk * row.layout.chunk_width, last = first + row.layout.chunk_width;
  std::int32_t nan_count = 0;
  float best = -infinity32();
  for (std::int32_t base = first; base < last; base += 32) {
    const std::uint32_t allowed = mask != nullptr ? mask[base / 32] : ~0u;
    float* values = row.values + base;
    if (base + 32 <= row.vocab) {
      for (std::int32_t j = 0; j < 32; ++j) {
        const float raw = to_float(logits[base + j]);
        nan_count += raw == raw ? 0 : 1;
        values[j] = ((allowed >> j) & 1u) != 0 ? sanitised(raw) : -infinity32();
        best = values[j] > best ? values[j] : best;
      }
    } else {  // the row ends in this group
      for (std::int32_t j = 0; j < 32; ++j) {
        const float raw = base + j < row.vocab ? to_float(logits[base + j]) : -infinity32();
        nan_count += raw == raw ? 0 : 1;
        values[j] = ((allowed >> j) & 1u) != 0 ? sanitised(raw) : -infinity32();
        best = values[j] > best ? values[j] : best;
      }
    }
  }
  row.parts[chunk] = best;
  return nan_count > 0;
}

/// Loads this block's slice: values and the maxima of parts, which the block's next barrier publishes. True in every lane of a warp
/// that met a NaN.
template <Cta C, class LogitT>
FLLM_DEVICE bool load_slice(const C& cta, const Row<C, LogitT>& row, const LogitT* logits, const std::uint32_t* mask) {
  bool has_nan = false;
  for (std::int32_t chunk = cta.warp(); chunk < row.layout.chunks; chunk += cta.warp_count()) {
    if constexpr (Positions<C, LogitT>::kSimt) {
      has_nan = ChunkLoader<C, LogitT>(cta, row, logits, mask).load(chunk) || has_nan;
    } else {
      has_nan = load_chunk_alone(row, chunk, logits, mask) || has_nan;
    }
  }
  return cta.ballot(has_nan) != 0;
}

}  // namespace fllm::sampling
