// SPDX-License-Identifier: Apache-2.0
#include <functional>

#include "tests/kernels/serial_isas.h"
#include "tests/support/expect_error.h"
#include "tests/support/model_suite.h"

namespace fllm::test {
namespace {

class ModelOn : public SerialIsas {
 protected:
  static void on_every_thread_count(const std::function<void(Backend&)>& suite) {
    for (const std::int32_t threads : {1, 2, 3}) {
      SCOPED_TRACE(std::to_string(threads) + " threads");
      auto cpu = backend(threads);
      suite(cpu);
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Cpu, ModelOn, ::testing::ValuesIn(serial_isas().begin(), serial_isas().end()), isa_name);

TEST_P(ModelOn, Embed) { on_every_thread_count(run_embed); }
TEST_P(ModelOn, RmsNorm) { on_every_thread_count(run_rms_norm); }
TEST_P(ModelOn, LayerNorm) { on_every_thread_count(run_layer_norm); }
TEST_P(ModelOn, Rope) { on_every_thread_count(run_rope); }
TEST_P(ModelOn, SwiGlu) { on_every_thread_count(run_swiglu); }
TEST_P(ModelOn, KvAppend) { on_every_thread_count(run_kv_append); }
TEST_P(ModelOn, Attention) {
  on_every_thread_count([](Backend& cpu) { run_attention(cpu, false); });
}
TEST_P(ModelOn, AttentionPrompts) {
  on_every_thread_count([](Backend& cpu) { run_attention_prompts(cpu, false); });
}
TEST_P(ModelOn, AttentionChunks) {
  on_every_thread_count([](Backend& cpu) { run_attention_chunks(cpu, false); });
}
TEST_P(ModelOn, AttentionBeams) {
  on_every_thread_count([](Backend& cpu) { run_attention_beams(cpu, false); });
}
TEST_P(ModelOn, AttentionDegenerate) {
  on_every_thread_count([](Backend& cpu) { run_attention_degenerate(cpu, false); });
}
TEST_P(ModelOn, GatherRows) { on_every_thread_count(run_gather_rows); }
TEST_P(ModelOn, CopyBlocks) { on_every_thread_count(run_copy_blocks); }
TEST_P(ModelOn, Linear) {
  on_every_thread_count([](Backend& cpu) { run_linear(cpu, 0); });
}
TEST_P(ModelOn, HalfRows) {
  on_every_thread_count([](Backend& cpu) { run_half_rows(cpu, false); });
}
TEST_P(ModelOn, HalfWeightsAreRefused) {
  on_every_thread_count([](Backend& cpu) {
    expect_error(ErrorCode::kUnsupported, {"weights of 16 bits"}, [&] { (void)cpu.make_linear(HalfMatrix{}); });
  });
}
TEST_P(ModelOn, RefusedArguments) { on_every_thread_count(run_refused_arguments); }

}  // namespace
}  // namespace fllm::test
