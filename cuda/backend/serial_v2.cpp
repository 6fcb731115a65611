// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/serial_isa.h"
#include "cuda/backend/serial_table.h"

namespace fllm {
namespace {

// SSE4.2, the least an x86-64 machine must have: no fused multiply-add, 16 registers of 4.
struct Isa {
  static constexpr const char* kName = "v2";
  static constexpr std::int32_t kTileFloats = 32;
  static constexpr std::int32_t kTileRows = 1;
};

}  // namespace

const SerialKernels& serial_kernels_v2() { return kSerialTable<Isa>; }

}  // namespace fllm
