// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <immintrin.h>

#include "cuda/backend/lanes.h"

namespace fllm {

/// AVX-512.
struct Machine512 {
  static constexpr std::int32_t kLanes = 16;
  using Types = LaneTypes<kLanes>;
  static constexpr bool kDotsBytes = false;

  FLLM_DEVICE static Types::Floats halves(const std::uint16_t* source) {
    // With a mask of all lanes: GCC 12 takes what the plain form leaves undefined for a mistake.
    return (Types::Floats)_mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source)));
  }
  FLLM_DEVICE static Types::Floats fma(Types::Floats a, Types::Floats b, Types::Floats c) {
    return (Types::Floats)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
  }
  FLLM_DEVICE static Types::Pairs multiply_pairs(Types::Words w, Types::Words x) {
    return (Types::Pairs)_mm512_maddubs_epi16((__m512i)w, (__m512i)x);
  }
  FLLM_DEVICE static Types::Ints join_pairs(Types::Pairs pairs) {
    return (Types::Ints)_mm512_madd_epi16((__m512i)pairs, _mm512_set1_epi16(1));
  }
};

}  // namespace fllm
