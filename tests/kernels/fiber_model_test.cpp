// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/fiber_machines.h"
#include "tests/support/model_suite.h"

namespace fllm::test {
namespace {

using FiberModel = FiberMachines;
using FiberBeamAttention = FiberMachines;

INSTANTIATE_TEST_SUITE_P(Every, FiberModel, testing::ValuesIn(every_machine()), machine_name);
INSTANTIATE_TEST_SUITE_P(Some, FiberBeamAttention, testing::ValuesIn(some_machines()), machine_name);

TEST_P(FiberModel, Embed) { run_embed(backend_); }
TEST_P(FiberModel, RmsNorm) { run_rms_norm(backend_); }
TEST_P(FiberModel, LayerNorm) { run_layer_norm(backend_); }
TEST_P(FiberModel, Rope) { run_rope(backend_); }
TEST_P(FiberModel, SwiGlu) { run_swiglu(backend_); }
TEST_P(FiberModel, KvAppend) { run_kv_append(backend_); }
TEST_P(FiberModel, Attention) { run_attention(backend_, false); }
TEST_P(FiberModel, AttentionPrompts) { run_attention_prompts(backend_, false); }
TEST_P(FiberModel, AttentionChunks) { run_attention_chunks(backend_, false); }
TEST_P(FiberModel, AttentionDegenerate) { run_attention_degenerate(backend_, false); }
TEST_P(FiberModel, GatherRows) { run_gather_rows(backend_); }
TEST_P(FiberModel, CopyBlocks) { run_copy_blocks(backend_); }
TEST_P(FiberModel, Linear) { run_linear(backend_, 0); }
TEST_P(FiberModel, HalfRows) { run_half_rows(backend_, false); }
TEST_P(FiberModel, HalfLinear) { run_half_linear(backend_, 0); }
TEST_P(FiberModel, RefusedArguments) { run_refused_arguments(backend_); }

TEST_P(FiberBeamAttention, Holds) { run_attention_beams(backend_, false); }

}  // namespace
}  // namespace fllm::test
