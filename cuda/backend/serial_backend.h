// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/backend/kernel_backend.h"
#include "cuda/backend/serial_executor.h"

namespace fllm {

class QuantizedWeight;

/// The CPU. Every call has ended when it returns.
class SerialBackend final : public KernelBackend<SerialExecutor> {
 public:
  /// kernels: a table this machine can run. threads >= 1.
  SerialBackend(const SerialKernels& kernels, std::int32_t threads) : KernelBackend(kernels, threads) {}

  [[nodiscard]] std::string description() const override { return executor().description(); }
  [[nodiscard]] MemoryInfo memory() const override { return machine_memory(); }

  [[nodiscard]] void* allocate(std::size_t bytes) override { return allocate_aligned(bytes).release(); }
  void release(void* memory) noexcept override { std::free(memory); }
  void upload(void* destination, const void* source, std::size_t bytes) override;
  void download(void* destination, const void* source, std::size_t bytes) override;
  void synchronize() override {}

  [[nodiscard]] std::unique_ptr<LinearWeight> make_linear(std::span<const float> weight, std::int32_t out,
                                                          std::int32_t in) override;
  [[nodiscard]] std::unique_ptr<LinearWeight> make_linear(const QuantizedMatrix& weight) override;
  [[nodiscard]] bool has_half_products() const override { return false; }
  [[nodiscard]] std::unique_ptr<LinearWeight> make_linear(const HalfMatrix& weight) override;
  void linear(const LinearParams& params) override;

 private:
  void quantized_linear(const LinearParams& params, const QuantizedWeight& weight);

  AlignedMemory row_blocks_;  // of the rows of a quantised product; grows only for one larger than any before it
  std::int64_t row_block_count_ = 0;
};

}  // namespace fllm
