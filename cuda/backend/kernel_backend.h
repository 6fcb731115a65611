// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <utility>

#include "cuda/backend/backend.h"
#include "cuda/launch/beam_launch.h"
#include "cuda/launch/commit_launch.h"
#include "cuda/launch/draft_loop_launch.h"
#include "cuda/launch/drafts_launch.h"
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
  // Of a CPU: what is enqueued has ended, and all memory is the host's.
  [[nodiscard]] bool poll() override { return true; }
  [[nodiscard]] std::unique_ptr<VisibleMemory> allocate_visible(std::size_t bytes) override;
  [[nodiscard]] bool replay_pays() const override { return false; }
  [[nodiscard]] std::unique_ptr<RecordedWork> record(const std::function<void()>& work) override;
  [[nodiscard]] std::unique_ptr<RecordedWork> record_beams(const std::function<void()>& step,
                                                           const BeamLoop& loop) override;

  void embed(const EmbedParams& params) override;
  void rms_norm(const RmsNormParams& params) override;
  void layer_norm(const LayerNormParams& params) override;
  void rope(const RopeParams& params) override;
  void swiglu(const SwiGluParams& params) override;
  void kv_append(const KvAppendParams& params) override;
  [[nodiscard]] std::int32_t attention_chunk_rows(std::int32_t rows, const AttentionHeads& heads) const override;
  void attention(const AttentionParams& params) override;
  void gather_rows(const GatherRowsParams& params) override;
  void copy_blocks(const CopyBlocksParams& params) override;
  [[nodiscard]] std::int64_t sample_scratch_elements(std::int32_t vocab, std::int32_t blocks_per_row) const override;
  void sample(LogitType type, const SampleParams& params) override;
  void sample_shard(LogitType type, const ShardParams& params) override;
  [[nodiscard]] std::int64_t resolve_scratch_elements(std::int32_t vocab, std::int32_t blocks_per_row) const override;
  void resolve_drafts(LogitType type, const ResolveDraftsParams& params) override;
  void extend_drafts(const DraftLoopParams& params) override;
  void propose_drafts(const DraftLoopParams& params) override;
  void commit_drafts(const DraftLoopParams& params) override;
  void history_append(const HistoryAppendParams& params) override;
  void commit_rows(const CommitRowsParams& params) override;
  void beam_candidates(LogitType type, const BeamCandidatesParams& params) override;
  void beam_select(const BeamParams& params) override;
  void beam_ancestors(const BeamParams& params) override;

 protected:
  template <class... Arguments>
  explicit KernelBackend(Arguments&&... arguments) : executor_(std::forward<Arguments>(arguments)...) {}

  [[nodiscard]] Executor& executor() { return executor_; }
  [[nodiscard]] const Executor& executor() const { return executor_; }

 private:
  Executor executor_;
};

/// A backend's own memory, where that is the host's.
class HostMemory final : public VisibleMemory {
 public:
  HostMemory(Backend& backend, void* memory) : VisibleMemory(memory, memory), backend_(backend) {}
  ~HostMemory() override { backend_.release(on_host()); }
  HostMemory(const HostMemory&) = delete;
  HostMemory& operator=(const HostMemory&) = delete;

 private:
  Backend& backend_;
};

/// Work that is run again by doing it again.
class RepeatedWork final : public RecordedWork {
 public:
  explicit RepeatedWork(std::function<void()> work) : work_(std::move(work)) {}
  void replay() override { work_(); }

 private:
  std::function<void()> work_;
};

/// A step that is done again while a search in the host's memory is not over.
class RepeatedBeams final : public RecordedWork {
 public:
  RepeatedBeams(std::function<void()> step, const BeamLoop& loop) : step_(std::move(step)), loop_(loop) {}
  void replay() override {
    const auto is_over = [](const BeamSearch& search) { return search.state.done != 0; };
    for (std::int32_t i = 0; i < loop_.max_steps; ++i) {
      if (std::all_of(loop_.searches, loop_.searches + loop_.search_count, is_over)) return;
      step_();
    }
  }

 private:
  std::function<void()> step_;
  BeamLoop loop_;
};

// Not in the class: what is inline is compiled into every file that could inline it, instantiated elsewhere or not.
template <class Executor>
std::unique_ptr<VisibleMemory> KernelBackend<Executor>::allocate_visible(std::size_t bytes) {
  return std::make_unique<HostMemory>(*this, allocate(bytes));
}

template <class Executor>
std::unique_ptr<RecordedWork> KernelBackend<Executor>::record(const std::function<void()>& work) {
  return std::make_unique<RepeatedWork>(work);
}

template <class Executor>
std::unique_ptr<RecordedWork> KernelBackend<Executor>::record_beams(const std::function<void()>& step,
                                                                    const BeamLoop& loop) {
  return std::make_unique<RepeatedBeams>(step, loop);
}

template <class Executor>
void KernelBackend<Executor>::embed(const EmbedParams& params) {
  embed_rows(executor_, params);
}

template <class Executor>
void KernelBackend<Executor>::rms_norm(const RmsNormParams& params) {
  normalise_rows<RmsNorm>(executor_, "rms_norm", params);
}

template <class Executor>
void KernelBackend<Executor>::layer_norm(const LayerNormParams& params) {
  normalise_rows<LayerNorm>(executor_, "layer_norm", params);
}

template <class Executor>
void KernelBackend<Executor>::rope(const RopeParams& params) {
  turn_heads(executor_, params);
}

template <class Executor>
void KernelBackend<Executor>::swiglu(const SwiGluParams& params) {
  gate_rows(executor_, params);
}

template <class Executor>
void KernelBackend<Executor>::kv_append(const KvAppendParams& params) {
  append_keys_values(executor_, params);
}

template <class Executor>
std::int32_t KernelBackend<Executor>::attention_chunk_rows(std::int32_t rows, const AttentionHeads& heads) const {
  return attention::chunk_rows(executor_.target(), rows, heads);
}

template <class Executor>
void KernelBackend<Executor>::attention(const AttentionParams& params) {
  attend(executor_, params);
}

template <class Executor>
void KernelBackend<Executor>::gather_rows(const GatherRowsParams& params) {
  pick_rows(executor_, params);
}

template <class Executor>
void KernelBackend<Executor>::copy_blocks(const CopyBlocksParams& params) {
  duplicate_blocks(executor_, params);
}

template <class Executor>
std::int64_t KernelBackend<Executor>::sample_scratch_elements(std::int32_t vocab, std::int32_t blocks_per_row) const {
  return sampling::scratch_elements(executor_.target(), vocab, blocks_per_row);
}

template <class Executor>
void KernelBackend<Executor>::sample(LogitType type, const SampleParams& params) {
  sample_rows(executor_, type, params);
}

template <class Executor>
void KernelBackend<Executor>::sample_shard(LogitType type, const ShardParams& params) {
  sample_shards(executor_, type, params);
}

template <class Executor>
std::int64_t KernelBackend<Executor>::resolve_scratch_elements(std::int32_t vocab, std::int32_t blocks_per_row) const {
  return resolve_scratch(executor_.target(), vocab, blocks_per_row);
}

template <class Executor>
void KernelBackend<Executor>::resolve_drafts(LogitType type, const ResolveDraftsParams& params) {
  resolve_draft_rows(executor_, type, params);
}

template <class Executor>
void KernelBackend<Executor>::extend_drafts(const DraftLoopParams& params) {
  extend_draft_rows(executor_, params);
}

template <class Executor>
void KernelBackend<Executor>::propose_drafts(const DraftLoopParams& params) {
  propose_draft_rows(executor_, params);
}

template <class Executor>
void KernelBackend<Executor>::commit_drafts(const DraftLoopParams& params) {
  commit_draft_rows(executor_, params);
}

template <class Executor>
void KernelBackend<Executor>::history_append(const HistoryAppendParams& params) {
  append_histories(executor_, params);
}

template <class Executor>
void KernelBackend<Executor>::commit_rows(const CommitRowsParams& params) {
  take_tokens(executor_, params);
}

template <class Executor>
void KernelBackend<Executor>::beam_candidates(LogitType type, const BeamCandidatesParams& params) {
  list_beam_candidates(executor_, type, params);
}

template <class Executor>
void KernelBackend<Executor>::beam_select(const BeamParams& params) {
  select_beams(executor_, params);
}

template <class Executor>
void KernelBackend<Executor>::beam_ancestors(const BeamParams& params) {
  update_beam_ancestors(executor_, params);
}

}  // namespace fllm
