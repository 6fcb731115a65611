// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/serial_executor.h"

namespace fllm {

SerialExecutor::SerialExecutor(const SerialKernels& kernels, std::int32_t threads)
    : kernels_(kernels), pool_(threads), memory_(static_cast<std::size_t>(threads)) {
  for (WorkerMemory& memory : memory_) memory.shared = allocate_aligned(kSerialSharedBytes);
  reserve_dynamic(48 * 1024);
}

std::string SerialExecutor::description() const {
  const std::int32_t threads = pool_.thread_count();
  return "cpu (" + std::to_string(threads) + (threads == 1 ? " thread, " : " threads, ") + kernels_.isa + ")";
}

void SerialExecutor::reserve_dynamic(std::size_t bytes) {
  if (bytes <= dynamic_bytes_) return;
  for (WorkerMemory& memory : memory_) memory.dynamic = allocate_aligned(bytes);
  dynamic_bytes_ = bytes;
}

}  // namespace fllm
