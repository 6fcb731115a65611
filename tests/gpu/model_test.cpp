// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <memory>

#include "cuda/backend/cuda_backend.h"
#include "tests/gpu/replay_backend.h"
#include "tests/support/model_suite.h"

// The model's kernels on the device, launched one by one and replayed from a graph.
namespace fllm::test {
namespace {

enum class Mode { kLaunched, kReplayed };

class CudaModel : public testing::TestWithParam<Mode> {
 protected:
  CudaModel() : device_(make_cuda_backend(0)), replay_(*device_, *device_) {}

  Backend& backend() { return GetParam() == Mode::kReplayed ? static_cast<Backend&>(replay_) : *device_; }

 private:
  std::unique_ptr<Backend> device_;
  ReplayBackend replay_;
};

TEST_P(CudaModel, Embed) { run_embed(backend()); }
TEST_P(CudaModel, RmsNorm) { run_rms_norm(backend()); }
TEST_P(CudaModel, LayerNorm) { run_layer_norm(backend()); }
TEST_P(CudaModel, Rope) { run_rope(backend()); }
TEST_P(CudaModel, SwiGlu) { run_swiglu(backend()); }
TEST_P(CudaModel, KvAppend) { run_kv_append(backend()); }
TEST_P(CudaModel, Attention) { run_attention(backend(), true); }
TEST_P(CudaModel, AttentionPrompts) { run_attention_prompts(backend(), true); }
TEST_P(CudaModel, AttentionChunks) { run_attention_chunks(backend(), true); }
TEST_P(CudaModel, AttentionBeams) { run_attention_beams(backend(), true); }
TEST_P(CudaModel, AttentionDegenerate) { run_attention_degenerate(backend(), true); }
TEST_P(CudaModel, GatherRows) { run_gather_rows(backend()); }
TEST_P(CudaModel, CopyBlocks) { run_copy_blocks(backend()); }
// A library may add up to 300 products in any order. With these inputs partial sums stay below 2^7, so that an addition
// rounds by at most 2^-18: 300 * 2^-18 for each of the two sums.
TEST_P(CudaModel, Linear) { run_linear(backend(), 2.5e-3f); }
TEST_P(CudaModel, HalfRows) { run_half_rows(backend(), true); }
// As above: products of 16-bit numbers are exact in binary32, sums are not.
TEST_P(CudaModel, HalfLinear) { run_half_linear(backend(), 2.5e-3f); }
TEST_P(CudaModel, RefusedArguments) { run_refused_arguments(backend()); }

INSTANTIATE_TEST_SUITE_P(Modes, CudaModel, testing::Values(Mode::kLaunched, Mode::kReplayed),
                         [](const auto& info) { return info.param == Mode::kLaunched ? "Launched" : "Replayed"; });

}  // namespace
}  // namespace fllm::test
