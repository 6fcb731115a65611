// SPDX-License-Identifier: Apache-2.0
#include <tmmintrin.h>

#include "cuda/backend/lanes_plain.h"
#include "cuda/backend/serial_isa.h"
#include "cuda/backend/serial_table.h"

namespace fllm {
namespace {

struct Machine128 : MachinePlain {
  FLLM_DEVICE static Types::Pairs multiply_pairs(Types::Words w, Types::Words x) {
    return (Types::Pairs)_mm_maddubs_epi16((__m128i)w, (__m128i)x);
  }
  FLLM_DEVICE static Types::Ints join_pairs(Types::Pairs pairs) {
    return (Types::Ints)_mm_madd_epi16((__m128i)pairs, _mm_set1_epi16(1));
  }
};

// SSE4.2, the least an x86-64 machine must have: no fused multiply-add, 16 registers of 4.
struct Isa {
  static constexpr const char* kName = "v2";
  static constexpr std::int32_t kTileFloats = 32;
  static constexpr std::int32_t kTileRows = 1;
  using Bytes = Lanes<Machine128>;
  static constexpr std::int32_t kByteRows = 2;
};

}  // namespace

const SerialKernels& serial_kernels_v2() { return kSerialTable<Isa>; }

}  // namespace fllm
