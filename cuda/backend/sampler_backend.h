// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "cuda/kernels/history_params.h"
#include "cuda/kernels/sample_params.h"
#include "cuda/kernels/shard_params.h"

namespace fllm {

/// What a workspace must hold rows of.
struct SampleSize {
  LogitType type = LogitType::kFloat32;
  std::int32_t rows = 0;
  std::int32_t vocab = 1;           // [1, 2^20]
  std::int32_t blocks_per_row = 0;  // as in SampleParams
};

/// The sampler alone, in memory and on streams that are the caller's. sample and history_append allocate nothing and wait
/// for nothing; may be called from several threads at once. `stream` is a cudaStream_t on CUDA; the CPU has none and is done
/// when a call returns.
/// Errors: Exception(kInvalidArgument), Exception(kDeviceLost).
class SamplerBackend {
 public:
  virtual ~SamplerBackend() = default;

  [[nodiscard]] virtual std::string description() const = 0;
  /// Never less for more rows.
  [[nodiscard]] virtual std::size_t workspace_bytes(const SampleSize& size) const = 0;
  /// workspace: of workspace_bytes, any alignment. SampleParams::scratch is set here.
  virtual void sample(LogitType type, SampleParams params, std::span<std::byte> workspace, void* stream) = 0;
  /// A step of a sharded row; the workspace is of its slice.
  virtual void sample_shard(LogitType type, ShardParams params, std::span<std::byte> workspace, void* stream) = 0;
  virtual void history_append(const HistoryAppendParams& params, void* stream) = 0;
};

/// threads as in BackendOptions.
[[nodiscard]] std::unique_ptr<SamplerBackend> make_cpu_sampler(std::int32_t threads);
/// Exception(kUnsupported) with the reason when there is no such device. A build without CUDA has a stub.
[[nodiscard]] std::unique_ptr<SamplerBackend> make_cuda_sampler(std::int32_t device);

}  // namespace fllm
