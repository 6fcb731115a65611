// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <new>

#include "cuda/backend/serial_kernels.h"
#include "cuda/cta/serial_cta.h"

// Only the serial_<set>.cpp files include this. Isa is a type of an unnamed namespace, so that every instantiation stays
// inside its object file. It names the set and the register tile of the matrix product:
//   kName           as in FLLM_ISA
//   kTileFloats     accumulators that fit the vector registers
//   kTileRows       rows of the largest tile, whose width is then 64 or 32 columns
namespace fllm {

template <class Isa, class Kernel>
void run_blocks(const typename Kernel::Params& params, BlockRange range, const SerialScratch& scratch) {
  static_assert(alignof(typename Kernel::Shared) <= 64);
  auto& shared = *::new (scratch.shared) typename Kernel::Shared;
  for (std::int32_t block = range.begin; block < range.end; ++block) {
    SerialCta<Isa> cta(block, range.grid, scratch.dynamic);
    Kernel{}(cta, shared, params);
  }
}

template <class Isa, class... Kernels>
constexpr SerialTable<Kernels...> make_serial_table(const SerialTable<Kernels...>*) {
  return {SerialEntry<Kernels>{&run_blocks<Isa, Kernels>}..., Isa::kName};
}

template <class Isa>
constexpr SerialKernels kSerialTable = make_serial_table<Isa>(static_cast<const SerialKernels*>(nullptr));

}  // namespace fllm
