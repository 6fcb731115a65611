// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/cuda_executor.h"
#include "cuda/backend/cuda_sampling.h"
#include "cuda/backend/sampler_backend.h"
#include "cuda/launch/history_launch.h"
#include "cuda/launch/sampling_launch.h"
#include "cuda/launch/sharding_launch.h"
#include "cuda/runtime/device_info.h"

namespace fllm {
namespace {

constexpr std::size_t kAlignment = 16;  // of the workspace's floats, for wide loads

/// Samples on a CUDA device. It keeps no state but what the device is like.
class CudaSampler final : public SamplerBackend {
 public:
  explicit CudaSampler(std::int32_t index) : device_(cuda::describe_device(index)) {
    prepare_sampling(executor_on(nullptr));
  }

  [[nodiscard]] std::string description() const override { return device_.description(); }
  [[nodiscard]] std::size_t workspace_bytes(const SampleSize& size) const override {
    const std::size_t bytes = static_cast<std::size_t>(size.rows) * row_floats(size) * sizeof(float);
    return bytes == 0 ? 0 : bytes + kAlignment - 1;
  }
  void sample(LogitType type, SampleParams params, std::span<std::byte> workspace, void* stream) override {
    give_scratch(type, params, workspace);
    const cuda::CudaExecutor executor = executor_on(stream);
    sample_rows(executor, type, params);
  }
  void sample_shard(LogitType type, ShardParams params, std::span<std::byte> workspace, void* stream) override {
    give_scratch(type, params.sample, workspace);
    const cuda::CudaExecutor executor = executor_on(stream);
    sample_shards(executor, type, params);
  }
  void history_append(const HistoryAppendParams& params, void* stream) override {
    const cuda::CudaExecutor executor = executor_on(stream);
    append_histories(executor, params);
  }

 private:
  [[nodiscard]] cuda::CudaExecutor executor_on(void* stream) const {
    return {device_, static_cast<cudaStream_t>(stream)};
  }
  [[nodiscard]] std::size_t row_floats(const SampleSize& size) const {
    return static_cast<std::size_t>(
        sampling::scratch_elements(executor_on(nullptr).target(), size.vocab, size.blocks_per_row));
  }

  void give_scratch(LogitType type, SampleParams& params, std::span<std::byte> workspace) const;

  cuda::DeviceInfo device_;
};

void CudaSampler::give_scratch(LogitType type, SampleParams& params, std::span<std::byte> workspace) const {
  const std::size_t floats = row_floats({type, params.rows, params.vocab, params.blocks_per_row});
  if (floats > 0) {
    const auto address = reinterpret_cast<std::uintptr_t>(workspace.data());
    params.scratch = reinterpret_cast<float*>((address + kAlignment - 1) / kAlignment * kAlignment);
    params.scratch_stride = static_cast<std::int64_t>(floats);
  }
}

}  // namespace

std::unique_ptr<SamplerBackend> make_cuda_sampler(std::int32_t device) { return std::make_unique<CudaSampler>(device); }

}  // namespace fllm
