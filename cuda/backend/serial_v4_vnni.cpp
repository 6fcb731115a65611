// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/lanes_512.h"
#include "cuda/backend/serial_isa.h"
#include "cuda/backend/serial_table.h"

namespace fllm {
namespace {

struct MachineVnni : Machine512 {
  static constexpr bool kDotsBytes = true;
  FLLM_DEVICE static Types::Ints dot(Types::Ints sum, Types::Words w, Types::Words x) {
    return (Types::Ints)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)w, (__m512i)x);
  }
};

// AVX-512 with dot products of bytes: 16 of 32 registers hold sums.
struct Isa {
  static constexpr const char* kName = "v4-vnni";
  using Bytes = Lanes<MachineVnni>;
  static constexpr std::int32_t kByteRows = 8;
};

}  // namespace

const QuantizedKernels& serial_kernels_v4_vnni() {
  static constexpr QuantizedKernels kTable = make_serial_table<Isa>(static_cast<const QuantizedKernels*>(nullptr));
  return kTable;
}

}  // namespace fllm
