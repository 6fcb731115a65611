// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/cpu_sampler.h"

#include <algorithm>

#include "cuda/launch/history_launch.h"
#include "cuda/launch/sampling_launch.h"
#include "cuda/launch/sharding_launch.h"

namespace fllm {
namespace {

/// Launches in dynamic shared memory that the caller brought.
struct WorkspaceExecutor {
  SerialExecutor& executor;
  std::span<std::byte> workspace;

  [[nodiscard]] static LaunchTarget target() { return SerialExecutor::target(); }
  template <class Kernel>
  void launch(const LaunchShape& shape, const typename Kernel::Params& params) const {
    executor.launch_in<Kernel>(workspace, shape, params);
  }
};

}  // namespace

std::size_t CpuSampler::workspace_bytes(const SampleSize& size) const {
  SampleParams p;
  p.rows = size.rows;
  p.vocab = size.vocab;
  std::size_t bytes = 0;
  dispatch_logit_type(size.type, [&]<class LogitT>(LogitT) {
    bytes = executor_.dynamic_bytes(SampleRow<LogitT>::shape(p, SerialExecutor::target()));
  });
  return bytes;
}

void CpuSampler::sample(LogitType type, SampleParams params, std::span<std::byte> workspace, void*) {
  params.blocks_per_row = 1;  // there is no other number here, and no result depends on it
  const std::lock_guard lock(mutex_);
  WorkspaceExecutor executor{executor_, workspace};
  sample_rows(executor, type, params);
}

void CpuSampler::sample_shard(LogitType type, ShardParams params, std::span<std::byte> workspace, void*) {
  params.sample.blocks_per_row = 1;
  const std::lock_guard lock(mutex_);
  WorkspaceExecutor executor{executor_, workspace};
  sample_shards(executor, type, params);
}

void CpuSampler::history_append(const HistoryAppendParams& params, void*) {
  const std::lock_guard lock(mutex_);
  append_histories(executor_, params);
}

}  // namespace fllm
