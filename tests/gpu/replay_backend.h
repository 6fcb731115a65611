// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <functional>
#include <vector>

#include "tests/support/forwarding_backend.h"

namespace fllm::test {

/// A CUDA backend whose every operation is captured in a graph and replayed twice from the same state; a difference between
/// the replays fails the test. What is left behind is the second replay's.
class ReplayBackend final : public ForwardingBackend {
 public:
  /// backend: works on the stream of device, which make_cuda_backend made.
  ReplayBackend(Backend& backend, const Backend& device);

  void embed(const EmbedParams& params) override;
  void rms_norm(const RmsNormParams& params) override;
  void layer_norm(const LayerNormParams& params) override;
  void rope(const RopeParams& params) override;
  void swiglu(const SwiGluParams& params) override;
  void linear(const LinearParams& params) override;
  void kv_append(const KvAppendParams& params) override;
  void attention(const AttentionParams& params) override;
  void gather_rows(const GatherRowsParams& params) override;
  void copy_blocks(const CopyBlocksParams& params) override;
  void sample(LogitType type, const SampleParams& params) override;
  void resolve_drafts(LogitType type, const ResolveDraftsParams& params) override;
  void history_append(const HistoryAppendParams& params) override;
  void commit_rows(const CommitRowsParams& params) override;
  void extend_drafts(const DraftLoopParams& params) override;
  void propose_drafts(const DraftLoopParams& params) override;
  void commit_drafts(const DraftLoopParams& params) override;
  /// Of what it lists nothing is compared: in what order candidates come is not defined.
  void beam_candidates(LogitType type, const BeamCandidatesParams& params) override;
  void beam_select(const BeamParams& params) override;
  void beam_ancestors(const BeamParams& params) override;

 private:
  struct Region {
    void* data;
    std::size_t bytes;
  };
  static Region region(const RowView<float>& view);
  [[nodiscard]] static std::vector<Region> draft_regions(const DraftLoopParams& params);
  [[nodiscard]] std::vector<Region> search_regions(const BeamParams& params);
  void replay(const std::vector<Region>& outputs, const std::function<void()>& operation);
  [[nodiscard]] std::vector<std::vector<std::byte>> contents(const std::vector<Region>& regions);

  cudaStream_t stream_;
};

}  // namespace fllm::test
