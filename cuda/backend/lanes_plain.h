// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/backend/lanes.h"
#include "cuda/portable/numeric.h"

namespace fllm {

/// Four lanes, in the language alone.
struct MachinePlain {
  static constexpr std::int32_t kLanes = 4;
  using Types = LaneTypes<kLanes>;
  static constexpr bool kDotsBytes = false;

  FLLM_DEVICE static Types::Floats halves(const std::uint16_t* source) {
    Types::Floats values;
    for (std::int32_t i = 0; i < kLanes; ++i) values[i] = to_float(Half{source[i]});
    return values;
  }
  FLLM_DEVICE static Types::Floats fma(Types::Floats a, Types::Floats b, Types::Floats c) {
    Types::Floats values;
    for (std::int32_t i = 0; i < kLanes; ++i) values[i] = fma32(a[i], b[i], c[i]);
    return values;
  }
  FLLM_DEVICE static Types::Pairs multiply_pairs(Types::Words w, Types::Words x) {
    std::uint8_t unsigned_bytes[4 * kLanes];
    std::int8_t signed_bytes[4 * kLanes];
    std::memcpy(unsigned_bytes, &w, sizeof w);
    std::memcpy(signed_bytes, &x, sizeof x);
    Types::Pairs pairs;
    for (std::int32_t i = 0; i < 2 * kLanes; ++i) {
      pairs[i] = static_cast<std::int16_t>(unsigned_bytes[2 * i] * signed_bytes[2 * i] +
                                           unsigned_bytes[2 * i + 1] * signed_bytes[2 * i + 1]);
    }
    return pairs;
  }
  FLLM_DEVICE static Types::Ints join_pairs(Types::Pairs pairs) {
    Types::Ints sums;
    for (std::int32_t i = 0; i < kLanes; ++i) sums[i] = pairs[2 * i] + pairs[2 * i + 1];
    return sums;
  }
};

}  // namespace fllm
