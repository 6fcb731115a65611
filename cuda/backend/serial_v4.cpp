// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/lanes_512.h"
#include "cuda/backend/serial_isa.h"
#include "cuda/backend/serial_table.h"

namespace fllm {
namespace {

// AVX-512: 24 of 32 registers of 16 hold sums.
struct Isa {
  static constexpr const char* kName = "v4";
  static constexpr std::int32_t kTileFloats = 384;
  static constexpr std::int32_t kTileRows = 6;
  using Bytes = Lanes<Machine512>;
  static constexpr std::int32_t kByteRows = 8;
};

}  // namespace

const SerialKernels& serial_kernels_v4() { return kSerialTable<Isa>; }

}  // namespace fllm
