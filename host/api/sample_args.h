// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "cuda/backend/sampler_backend.h"
#include "fundamentallm/c_api.h"

namespace fllm {

/// A call of fllm_sample in the library's own terms.
struct SampleCall {
  LogitType type = LogitType::kFloat32;
  SampleParams params;
  std::span<std::byte> workspace;
};

/// A call of fllm_sample_shard, likewise.
struct ShardCall {
  LogitType type = LogitType::kFloat32;
  ShardParams params;
  std::span<std::byte> workspace;
};

/// The checks of what the host can see, and the conversion. Exception(kInvalidArgument) with every violation, one a line.
[[nodiscard]] SampleSize check_sample_size(const fllm_sample_args& args);
[[nodiscard]] SampleCall check_sample_args(const SamplerBackend& backend, const fllm_sample_args& args);
[[nodiscard]] ShardCall check_shard_args(const SamplerBackend& backend, const fllm_sample_args& args,
                                         const fllm_shard_args& shard);
[[nodiscard]] HistoryAppendParams check_history_args(const fllm_history_append_args& args);

}  // namespace fllm
