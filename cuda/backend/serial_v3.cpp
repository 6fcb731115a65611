// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/lanes_256.h"
#include "cuda/backend/serial_isa.h"
#include "cuda/backend/serial_table.h"

namespace fllm {
namespace {

// AVX2 and FMA: 12 of 16 registers of 8 hold sums.
struct Isa {
  static constexpr const char* kName = "v3";
  static constexpr std::int32_t kTileFloats = 96;
  static constexpr std::int32_t kTileRows = 3;
  using Bytes = Lanes<Machine256>;
  static constexpr std::int32_t kByteRows = 4;
};

}  // namespace

const SerialKernels& serial_kernels_v3() { return kSerialTable<Isa>; }

}  // namespace fllm
