// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "cuda/backend/backend.h"
#include "cuda/launch/history_launch.h"
#include "cuda/launch/model_launch.h"
#include "cuda/launch/sampling_launch.h"
#include "cuda/launch/sharding_launch.h"

namespace fllm {

/// The operations of every backend, over an Executor: a type with
///   template <class Kernel> void launch(LaunchShape shape, const typename Kernel::Params& params);
/// Memory and the matrix product are the concrete backend's.
template <class Executor>
class KernelBackend : public Backend {
 public:
  void embed(const EmbedParams& params) override { embed_rows(executor_, params); }
  void rms_norm(const RmsNormParams& params) override { normalise_rows(executor_, params); }
  void kv_append(const KvAppendParams& params) override { append_keys_values(executor_, params); }
  void attention(const AttentionParams& params) override { attend(executor_, params); }
  void gather_rows(const GatherRowsParams& params) override { pick_rows(executor_, params); }
  void copy_blocks(const CopyBlocksParams& params) override { duplicate_blocks(executor_, params); }
  [[nodiscard]] std::int64_t sample_scratch_elements(std::int32_t vocab, std::int32_t blocks_per_row) const override {
    return sampling::scratch_elements(executor_.target(), vocab, blocks_per_row);
  }
  void sample(LogitType type, const SampleParams& params) override { sample_rows(executor_, type, params); }
  void sample_shard(LogitType type, const ShardParams& params) override { sample_shards(executor_, type, params); }
  void history_append(const HistoryAppendParams& params) override { append_histories(executor_, params); }

 protected:
  template <class... Arguments>
  explicit KernelBackend(Arguments&&... arguments) : executor_(std::forward<Arguments>(arguments)...) {}

  [[nodiscard]] Executor& executor() { return executor_; }
  [[nodiscard]] const Executor& executor() const { return executor_; }

 private:
  Executor executor_;
};

}  // namespace fllm
