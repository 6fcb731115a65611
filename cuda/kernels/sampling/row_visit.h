// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row.h"

// Ways through what a lane has of a chunk.
namespace fllm::sampling {

constexpr std::int32_t kLookWidth = 16;  // values that a lane that is alone looks at together; chunks are whole ones

/// Whether one of kLookWidth values is in [low, above) (above NaN: at least low). Without a branch, so that it vectorises.
FLLM_DEVICE bool any_within(const float* values, float low, float above) {
  std::int32_t within = 0;
  for (std::int32_t i = 0; i < kLookWidth; ++i) {
    within |= static_cast<std::int32_t>(values[i] >= low) & static_cast<std::int32_t>(!(values[i] >= above));
  }
  return within != 0;
}

/// The largest of `count` values, whole multiples of kLookWidth: lane by lane, so that it vectorises.
FLLM_DEVICE float largest_of(const float* values, std::int32_t count) {
  float lanes[kLookWidth];
  for (std::int32_t i = 0; i < kLookWidth; ++i) lanes[i] = values[i];
  for (std::int32_t base = kLookWidth; base < count; base += kLookWidth) {
    for (std::int32_t i = 0; i < kLookWidth; ++i) lanes[i] = values[base + i] > lanes[i] ? values[base + i] : lanes[i];
  }
  for (std::int32_t width = kLookWidth / 2; width > 0; width /= 2) {
    for (std::int32_t i = 0; i < width; ++i) lanes[i] = lanes[i + width] > lanes[i] ? lanes[i + width] : lanes[i];
  }
  return lanes[0];
}

/// Calls f(value, id) for everything the lane has of a chunk, ids ascending.
template <Cta C, std::int32_t kIds, class F>
FLLM_DEVICE void each_value(const C& cta, const Row<C, kIds>& row, std::int32_t chunk, const F& f) {
  using Place = Positions<C, kIds>;
  const std::int32_t first = chunk * row.layout.chunk_width, last = first + row.layout.chunk_width;
  if constexpr (Place::kSimt) {
    const float* place = row.values + first + cta.lane() * 4;
    std::int32_t id = row.begin + first + cta.lane() * Place::kPerLane;
    FLLM_UNROLL_4
    for (const float* const end = row.values + last; place < end; place += Place::kGroup, id += Place::kGroup) {
      FLLM_UNROLL
      for (std::int32_t q = 0; q < Place::kVectors; ++q) {
        const Vector4 v = load4(place + q * (kGroupLanes * 4));
        FLLM_UNROLL
        for (std::int32_t e = 0; e < 4; ++e) f(v.x[e], id + q * 4 + e);
      }
    }
  } else {
    for (std::int32_t i = first; i < last; ++i) f(row.values[i], row.begin + i);
  }
}

/// The same for values of at least `least` alone: nothing is done where a part has none, and where few lanes have one, few
/// turns are made.
template <Cta C, std::int32_t kIds, class F>
FLLM_DEVICE void each_at_least(const C& cta, const Row<C, kIds>& row, std::int32_t chunk, float least, const F& f) {
  using Place = Positions<C, kIds>;
  if (!(row.parts[row.part_of(cta, chunk)] >= least)) return;
  const std::int32_t first = chunk * row.layout.chunk_width, last = first + row.layout.chunk_width;
  if constexpr (Place::kSimt) {
    constexpr std::int32_t kVectors = 8;  // looked at together: 32 values, one bit each
    const std::int32_t vectors = row.layout.chunk_width / (kGroupLanes * 4);
    for (std::int32_t start = 0; start < vectors; start += kVectors) {
      const float* place = row.values + first + start * (kGroupLanes * 4) + cta.lane() * 4;
      std::uint32_t bits = 0;
      FLLM_UNROLL
      for (std::int32_t j = 0; j < kVectors; ++j) {
        if (start + j >= vectors) break;
        const Vector4 v = load4(place + j * (kGroupLanes * 4));
        FLLM_UNROLL
        for (std::int32_t e = 0; e < 4; ++e) bits |= v.x[e] >= least ? 1u << (j * 4 + e) : 0u;
      }
      for (; bits != 0; bits &= bits - 1) {  // at most 32 turns
        const std::int32_t bit = lowest_bit(bits), j = bit / 4;
        const std::int32_t vector = start + j;
        const std::int32_t id = row.begin + first + vector / Place::kVectors * Place::kGroup +
                                cta.lane() * Place::kPerLane + vector % Place::kVectors * 4 + bit % 4;
        f(place[j * (kGroupLanes * 4) + bit % 4], id);
      }
    }
  } else {
    for (std::int32_t i = first; i < last; ++i) {
      if (row.values[i] >= least) f(row.values[i], row.begin + i);
    }
  }
}

/// Calls f(value, id) for the lane's values below `above` (NaN: all) that low keeps, of which there are few: four are looked
/// at together.
template <Cta C, std::int32_t kIds, class F>
FLLM_DEVICE void each_of_few(const C& cta, const Row<C, kIds>& row, std::int32_t chunk, const Cut& low, float above,
                             const F& f) {
  using Place = Positions<C, kIds>;
  if (!(row.parts[row.part_of(cta, chunk)] >= low.value)) return;
  const std::int32_t first = chunk * row.layout.chunk_width, last = first + row.layout.chunk_width;
  if constexpr (Place::kSimt) {
    const bool limited = above == above;
    const float* const start = row.values + first + cta.lane() * 4;
    const float* place = start;
    FLLM_UNROLL_4
    for (const float* const end = row.values + last; place < end; place += kGroupLanes * 4) {
      Vector4 v = load4(place);
      FLLM_UNROLL
      for (std::int32_t e = 0; e < 4; ++e) v.x[e] = limited && v.x[e] >= above ? -infinity32() : v.x[e];
      if (!(max32(max32(v.x[0], v.x[1]), max32(v.x[2], v.x[3])) >= low.value)) continue;
      const auto vector = static_cast<std::int32_t>(place - start) / (kGroupLanes * 4);
      const std::int32_t id = row.begin + first + vector / Place::kVectors * Place::kGroup +
                              cta.lane() * Place::kPerLane + vector % Place::kVectors * 4;
      for (std::int32_t e = 0; e < 4; ++e) {
        if (low.keeps(v.x[e], id + e)) f(v.x[e], id + e);
      }
    }
  } else {
    for (std::int32_t base = first; base < last; base += kLookWidth) {
      if (!any_within(row.values + base, low.value, above)) continue;
      for (std::int32_t i = base; i < base + kLookWidth; ++i) {
        const float value = row.values[i];
        if (!(value >= above) && low.keeps(value, row.begin + i)) f(value, row.begin + i);
      }
    }
  }
}

}  // namespace fllm::sampling
