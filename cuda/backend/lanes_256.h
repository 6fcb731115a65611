// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <immintrin.h>

#include "cuda/backend/lanes.h"

namespace fllm {

/// AVX2, FMA and F16C.
struct Machine256 {
  static constexpr std::int32_t kLanes = 8;
  using Types = LaneTypes<kLanes>;
  static constexpr bool kDotsBytes = false;

  FLLM_DEVICE static Types::Floats halves(const std::uint16_t* source) {
    return (Types::Floats)_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(source)));
  }
  FLLM_DEVICE static Types::Floats fma(Types::Floats a, Types::Floats b, Types::Floats c) {
    return (Types::Floats)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
  }
  FLLM_DEVICE static Types::Pairs multiply_pairs(Types::Words w, Types::Words x) {
    return (Types::Pairs)_mm256_maddubs_epi16((__m256i)w, (__m256i)x);
  }
  FLLM_DEVICE static Types::Ints join_pairs(Types::Pairs pairs) {
    return (Types::Ints)_mm256_madd_epi16((__m256i)pairs, _mm256_set1_epi16(1));
  }
};

}  // namespace fllm
