// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/backend/serial_kernels.h"

namespace fllm {

const SerialKernels& serial_kernels_v2();          // x86-64-v2
const SerialKernels& serial_kernels_v3();          // x86-64-v3: AVX2, FMA
const SerialKernels& serial_kernels_v4();          // x86-64-v4: AVX-512
const QuantizedKernels& serial_kernels_v4_vnni();  // and its dot products of bytes
const SerialKernels& serial_kernels_baseline();    // other machines

/// A set of instructions this build has kernels for.
struct SerialIsa {
  const char* name;
  const SerialKernels& (*kernels)();
  bool (*usable)();  // by this machine
};

/// From the slowest to the fastest; the first is always usable.
struct SerialIsaList {
  const SerialIsa* first;
  std::int32_t count;
  [[nodiscard]] const SerialIsa* begin() const { return first; }
  [[nodiscard]] const SerialIsa* end() const { return first + count; }
};
[[nodiscard]] SerialIsaList serial_isas();
/// Those, and then the ones that differ from the last of them in the quantised product alone.
[[nodiscard]] SerialIsaList serial_isas_and_variants();

/// The fastest usable set, no faster than the one named by the environment variable FLLM_ISA (v2, v3, v4, v4-vnni). It never
/// changes a result. Exception(kInvalidArgument) for a name this build does not know.
[[nodiscard]] const SerialKernels& choose_serial_kernels();

}  // namespace fllm
