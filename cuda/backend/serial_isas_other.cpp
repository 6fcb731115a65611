// SPDX-License-Identifier: Apache-2.0
#include <atomic>

#include "cuda/backend/cpu_pause.h"
#include "cuda/backend/serial_isa.h"

namespace fllm {
namespace {

bool always() { return true; }
constexpr SerialIsa kIsas[] = {{"baseline", serial_kernels_baseline, always}};

}  // namespace

SerialIsaList serial_isas() { return {kIsas, 1}; }
SerialIsaList serial_isas_and_variants() { return serial_isas(); }

void cpu_pause() { std::atomic_signal_fence(std::memory_order_seq_cst); }

}  // namespace fllm
