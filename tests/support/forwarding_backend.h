// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "cuda/backend/backend.h"

namespace fllm::test {

/// Passes every call on to another backend. What derives from it changes some of them.
class ForwardingBackend : public Backend {
 public:
  explicit ForwardingBackend(Backend& backend) : backend_(backend) {}

  [[nodiscard]] std::string description() const override { return backend_.description(); }
  [[nodiscard]] MemoryInfo memory() const override { return backend_.memory(); }
  [[nodiscard]] void* allocate(std::size_t bytes) override { return backend_.allocate(bytes); }
  void release(void* memory) noexcept override { backend_.release(memory); }
  void upload(void* to, const void* from, std::size_t bytes) override { backend_.upload(to, from, bytes); }
  void download(void* to, const void* from, std::size_t bytes) override { backend_.download(to, from, bytes); }
  void synchronize() override { backend_.synchronize(); }
  [[nodiscard]] bool poll() override { return backend_.poll(); }
  [[nodiscard]] std::unique_ptr<VisibleMemory> allocate_visible(std::size_t bytes) override {
    return backend_.allocate_visible(bytes);
  }
  [[nodiscard]] bool replay_pays() const override { return backend_.replay_pays(); }
  [[nodiscard]] std::unique_ptr<RecordedWork> record(const std::function<void()>& work) override {
    return backend_.record(work);
  }
  [[nodiscard]] std::unique_ptr<LinearWeight> make_linear(std::span<const float> weight, std::int32_t out,
                                                          std::int32_t in) override {
    return backend_.make_linear(weight, out, in);
  }
  [[nodiscard]] std::unique_ptr<LinearWeight> make_linear(const QuantizedMatrix& weight) override {
    return backend_.make_linear(weight);
  }
  [[nodiscard]] bool has_half_products() const override { return backend_.has_half_products(); }
  [[nodiscard]] std::unique_ptr<LinearWeight> make_linear(const HalfMatrix& weight) override {
    return backend_.make_linear(weight);
  }
  void embed(const EmbedParams& params) override { backend_.embed(params); }
  void rms_norm(const RmsNormParams& params) override { backend_.rms_norm(params); }
  void layer_norm(const LayerNormParams& params) override { backend_.layer_norm(params); }
  void rope(const RopeParams& params) override { backend_.rope(params); }
  void swiglu(const SwiGluParams& params) override { backend_.swiglu(params); }
  void linear(const LinearParams& params) override { backend_.linear(params); }
  void kv_append(const KvAppendParams& params) override { backend_.kv_append(params); }
  [[nodiscard]] std::int32_t attention_chunk_rows(std::int32_t rows, const AttentionHeads& heads) const override {
    return backend_.attention_chunk_rows(rows, heads);
  }
  void attention(const AttentionParams& params) override { backend_.attention(params); }
  void gather_rows(const GatherRowsParams& params) override { backend_.gather_rows(params); }
  void copy_blocks(const CopyBlocksParams& params) override { backend_.copy_blocks(params); }
  void history_append(const HistoryAppendParams& params) override { backend_.history_append(params); }
  void commit_rows(const CommitRowsParams& params) override { backend_.commit_rows(params); }
  [[nodiscard]] std::unique_ptr<RecordedWork> record_beams(const std::function<void()>& step,
                                                           const BeamLoop& loop) override {
    return backend_.record_beams(step, loop);
  }
  void beam_candidates(LogitType type, const BeamCandidatesParams& params) override {
    backend_.beam_candidates(type, params);
  }
  void beam_select(const BeamParams& params) override { backend_.beam_select(params); }
  void beam_ancestors(const BeamParams& params) override { backend_.beam_ancestors(params); }
  [[nodiscard]] std::int64_t sample_scratch_elements(std::int32_t vocab, std::int32_t blocks_per_row) const override {
    return backend_.sample_scratch_elements(vocab, blocks_per_row);
  }
  void sample(LogitType type, const SampleParams& params) override { backend_.sample(type, params); }
  [[nodiscard]] std::int64_t resolve_scratch_elements(std::int32_t vocab, std::int32_t blocks_per_row) const override {
    return backend_.resolve_scratch_elements(vocab, blocks_per_row);
  }
  void resolve_drafts(LogitType type, const ResolveDraftsParams& params) override {
    backend_.resolve_drafts(type, params);
  }
  void extend_drafts(const DraftLoopParams& params) override { backend_.extend_drafts(params); }
  void propose_drafts(const DraftLoopParams& params) override { backend_.propose_drafts(params); }
  void commit_drafts(const DraftLoopParams& params) override { backend_.commit_drafts(params); }
  void sample_shard(LogitType type, const ShardParams& params) override { backend_.sample_shard(type, params); }

 protected:
  [[nodiscard]] Backend& backend() const { return backend_; }

 private:
  Backend& backend_;
};

/// Samples every row with the same number of blocks, whatever its shape asks for.
class BlocksBackend final : public ForwardingBackend {
 public:
  BlocksBackend(Backend& backend, std::int32_t blocks_per_row) : ForwardingBackend(backend), blocks_(blocks_per_row) {}

  [[nodiscard]] std::int64_t sample_scratch_elements(std::int32_t vocab, std::int32_t) const override {
    return backend().sample_scratch_elements(vocab, blocks_);
  }
  void sample(LogitType type, const SampleParams& params) override {
    SampleParams forced = params;
    forced.blocks_per_row = blocks_;
    backend().sample(type, forced);
  }
  void sample_shard(LogitType type, const ShardParams& params) override {
    ShardParams forced = params;
    forced.sample.blocks_per_row = blocks_;
    backend().sample_shard(type, forced);
  }
  [[nodiscard]] std::int64_t resolve_scratch_elements(std::int32_t vocab, std::int32_t) const override {
    return backend().resolve_scratch_elements(vocab, blocks_);
  }
  void resolve_drafts(LogitType type, const ResolveDraftsParams& params) override {
    ResolveDraftsParams forced = params;
    forced.blocks_per_row = blocks_;
    backend().resolve_drafts(type, forced);
  }

 private:
  std::int32_t blocks_;
};

}  // namespace fllm::test
