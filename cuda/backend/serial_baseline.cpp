// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/lanes_plain.h"
#include "cuda/backend/serial_isa.h"
#include "cuda/backend/serial_table.h"

namespace fllm {
namespace {

// The compiler's default target: on aarch64, 24 of 32 registers of 4 hold sums.
struct Isa {
  static constexpr const char* kName = "baseline";
  static constexpr std::int32_t kTileFloats = 96;
  static constexpr std::int32_t kTileRows = 3;
  using Bytes = Lanes<MachinePlain>;
  static constexpr std::int32_t kByteRows = 2;
};

}  // namespace

const SerialKernels& serial_kernels_baseline() { return kSerialTable<Isa>; }

}  // namespace fllm
