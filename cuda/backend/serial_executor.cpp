// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/serial_executor.h"

namespace fllm {

SerialExecutor::SerialExecutor(const SerialKernels& kernels, std::int32_t threads)
    : kernels_(kernels),
      pool_(threads),
      memory_(static_cast<std::size_t>(threads)),
      shares_(static_cast<std::size_t>(threads)) {
  for (WorkerMemory& memory : memory_) memory.shared = allocate_aligned(kSerialSharedBytes);
  reserve_dynamic(48 * 1024);
}

std::string SerialExecutor::description() const {
  const std::int32_t threads = pool_.thread_count();
  return "cpu (" + std::to_string(threads) + (threads == 1 ? " thread, " : " threads, ") + kernels_.isa + ")";
}

void SerialExecutor::share_out(std::int32_t grid, std::int32_t workers) {
  constexpr std::int64_t kPieces = 4;  // of a share: what others may still take when one thread is held up
  for (std::int64_t worker = 0; worker < workers; ++worker) {
    Share& share = shares_[static_cast<std::size_t>(worker)];
    const std::int64_t begin = grid * worker / workers;
    share.end = grid * (worker + 1) / workers;
    share.piece = std::max<std::int64_t>(1, (share.end - begin + kPieces - 1) / kPieces);
    share.next.store(begin, std::memory_order_relaxed);
  }
}

void SerialExecutor::reserve_dynamic(std::size_t bytes) {
  if (bytes <= dynamic_bytes_) return;
  for (WorkerMemory& memory : memory_) memory.dynamic = allocate_aligned(bytes);
  dynamic_bytes_ = bytes;
}

}  // namespace fllm
