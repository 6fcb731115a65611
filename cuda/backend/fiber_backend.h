// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "cuda/backend/kernel_backend.h"
#include "cuda/backend/quantized_matrix.h"
#include "cuda/launch/fiber_executor.h"

namespace fllm {

/// Every kernel as blocks of fibers, in host memory: what tests run in place of a GPU. Slow on purpose.
/// Allocated memory holds 0xff bytes (NaN, -1), so that a value never written is seen. Operations are over when they
/// return. Errors, besides Backend's: FiberError.
class FiberBackend final : public KernelBackend<FiberExecutor> {
 public:
  explicit FiberBackend(const FiberOptions& options);

  [[nodiscard]] std::string description() const override;  // "fiber (128 threads, schedule 1)"
  [[nodiscard]] MemoryInfo memory() const override;
  [[nodiscard]] void* allocate(std::size_t bytes) override;
  void release(void* memory) noexcept override;
  void upload(void* destination, const void* source, std::size_t bytes) override;
  void download(void* destination, const void* source, std::size_t bytes) override;
  void synchronize() override {}

  [[nodiscard]] std::unique_ptr<LinearWeight> make_linear(const QuantizedMatrix& weight) override {
    return make_linear(expand_quantized(weight), weight.out, weight.in);
  }
  [[nodiscard]] std::unique_ptr<LinearWeight> make_linear(std::span<const float> weight, std::int32_t out,
                                                          std::int32_t in) override;
  [[nodiscard]] bool has_half_products() const override { return true; }
  [[nodiscard]] std::unique_ptr<LinearWeight> make_linear(const HalfMatrix& weight) override;
  /// The product is a plain loop in ascending order of the input features; the epilogue is the kernel.
  void linear(const LinearParams& params) override;
};

// Compiled apart: a change to one kernel recompiles its own group.
extern template void KernelBackend<FiberExecutor>::sample(LogitType, const SampleParams&);
extern template void KernelBackend<FiberExecutor>::sample_shard(LogitType, const ShardParams&);
extern template void KernelBackend<FiberExecutor>::resolve_drafts(LogitType, const ResolveDraftsParams&);
extern template void KernelBackend<FiberExecutor>::extend_drafts(const DraftLoopParams&);
extern template void KernelBackend<FiberExecutor>::propose_drafts(const DraftLoopParams&);
extern template void KernelBackend<FiberExecutor>::commit_drafts(const DraftLoopParams&);
extern template void KernelBackend<FiberExecutor>::history_append(const HistoryAppendParams&);
extern template void KernelBackend<FiberExecutor>::commit_rows(const CommitRowsParams&);
extern template void KernelBackend<FiberExecutor>::beam_candidates(LogitType, const BeamCandidatesParams&);
extern template void KernelBackend<FiberExecutor>::beam_select(const BeamParams&);
extern template void KernelBackend<FiberExecutor>::beam_ancestors(const BeamParams&);
extern template std::int32_t KernelBackend<FiberExecutor>::attention_chunk_rows(std::int32_t,
                                                                                const AttentionHeads&) const;
extern template void KernelBackend<FiberExecutor>::attention(const AttentionParams&);
extern template void KernelBackend<FiberExecutor>::rms_norm(const RmsNormParams&);
extern template void KernelBackend<FiberExecutor>::layer_norm(const LayerNormParams&);
extern template void KernelBackend<FiberExecutor>::rope(const RopeParams&);
extern template void KernelBackend<FiberExecutor>::swiglu(const SwiGluParams&);
extern template void KernelBackend<FiberExecutor>::embed(const EmbedParams&);
extern template void KernelBackend<FiberExecutor>::kv_append(const KvAppendParams&);
extern template void KernelBackend<FiberExecutor>::gather_rows(const GatherRowsParams&);
extern template void KernelBackend<FiberExecutor>::copy_blocks(const CopyBlocksParams&);

}  // namespace fllm
