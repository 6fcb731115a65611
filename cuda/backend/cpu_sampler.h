// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>

#include "cuda/backend/sampler_backend.h"
#include "cuda/backend/serial_executor.h"

namespace fllm {

/// Samples on the CPU: one call after the other, each spread over the threads of a pool.
class CpuSampler final : public SamplerBackend {
 public:
  /// As SerialExecutor.
  CpuSampler(const SerialKernels& kernels, std::int32_t threads) : executor_(kernels, threads) {}

  [[nodiscard]] std::string description() const override { return executor_.description(); }
  [[nodiscard]] std::size_t workspace_bytes(const SampleSize& size) const override;
  void sample(LogitType type, SampleParams params, std::span<std::byte> workspace, void* stream) override;
  void sample_shard(LogitType type, ShardParams params, std::span<std::byte> workspace, void* stream) override;
  void history_append(const HistoryAppendParams& params, void* stream) override;

 private:
  std::mutex mutex_;
  SerialExecutor executor_;
};

}  // namespace fllm
