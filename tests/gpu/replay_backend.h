// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "cuda/backend/backend.h"

namespace fllm::test {

/// A CUDA backend whose every operation is captured in a graph and replayed twice from the same state; a difference between
/// the replays fails the test. What is left behind is the second replay's.
class ReplayBackend final : public Backend {
 public:
  /// backend: made by make_cuda_backend.
  explicit ReplayBackend(Backend& backend);

  [[nodiscard]] std::string description() const override { return backend_.description() + ", replayed"; }
  [[nodiscard]] MemoryInfo memory() const override { return backend_.memory(); }
  [[nodiscard]] void* allocate(std::size_t bytes) override { return backend_.allocate(bytes); }
  void release(void* memory) noexcept override { backend_.release(memory); }
  void upload(void* to, const void* from, std::size_t bytes) override { backend_.upload(to, from, bytes); }
  void download(void* to, const void* from, std::size_t bytes) override { backend_.download(to, from, bytes); }
  void synchronize() override { backend_.synchronize(); }
  [[nodiscard]] std::unique_ptr<LinearWeight> make_linear(std::span<const float> weight, std::int32_t out,
                                                          std::int32_t in) override {
    return backend_.make_linear(weight, out, in);
  }
  [[nodiscard]] std::int64_t sample_scratch_elements(std::int32_t vocab, std::int32_t blocks_per_row) const override {
    return backend_.sample_scratch_elements(vocab, blocks_per_row);
  }

  void embed(const EmbedParams& params) override;
  void rms_norm(const RmsNormParams& params) override;
  void linear(const LinearParams& params) override;
  void kv_append(const KvAppendParams& params) override;
  void attention(const AttentionParams& params) override;
  void gather_rows(const GatherRowsParams& params) override;
  void copy_blocks(const CopyBlocksParams& params) override;
  void sample(LogitType type, const SampleParams& params) override;
  void history_append(const HistoryAppendParams& params) override;

 private:
  struct Region {
    void* data;
    std::size_t bytes;
  };
  static Region region(const RowView<float>& view);
  void replay(const std::vector<Region>& outputs, const std::function<void()>& operation);
  [[nodiscard]] std::vector<std::vector<std::byte>> download(const std::vector<Region>& regions);

  Backend& backend_;
  cudaStream_t stream_;
};

}  // namespace fllm::test
