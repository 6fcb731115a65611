// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "cuda/backend/cuda_backend.h"
#include "cuda/backend/cuda_beam_loop.h"
#include "cuda/runtime/device_info.h"
#include "tests/gpu/replay_backend.h"
#include "tests/support/beam_suite.h"

namespace fllm::test {
namespace {

class CudaBeamCases : public testing::TestWithParam<BeamTest> {};

INSTANTIATE_TEST_SUITE_P(Edges, CudaBeamCases, testing::ValuesIn(beam_edges()), beam_test_name);
INSTANTIATE_TEST_SUITE_P(States, CudaBeamCases, testing::ValuesIn(beam_states()), beam_test_name);
INSTANTIATE_TEST_SUITE_P(Regressions, CudaBeamCases, testing::ValuesIn(beam_regressions()), beam_test_name);

TEST_P(CudaBeamCases, Hold) {
  const auto device = make_cuda_backend(0);
  GetParam().run(*device);
}

TEST(CudaBeam, RandomSearches) {
  const auto device = make_cuda_backend(0);
  run_random_beams(*device, SuiteSize::kFast);
}
TEST(CudaBeam, ReplayedSearches) {
  const auto device = make_cuda_backend(0);
  ReplayBackend replay(*device, *device);
  run_random_beams(replay, SuiteSize::kFew);
}
TEST(CudaBeam, WideSearches) {
  const auto device = make_cuda_backend(0);
  run_wide_beams(*device, SuiteSize::kFast);
}

TEST(CudaBeam, Garbage) {
  const auto device = make_cuda_backend(0);
  run_garbage_beams(*device, SuiteSize::kFull);
}

/// Spreads rows over so many blocks.
class SpreadBackend final : public ForwardingBackend {
 public:
  SpreadBackend(Backend& backend, std::int32_t blocks) : ForwardingBackend(backend), blocks_(blocks) {}
  void beam_candidates(LogitType type, const BeamCandidatesParams& params) override {
    BeamCandidatesParams spread = params;
    spread.sample.blocks_per_row = blocks_;
    backend().beam_candidates(type, spread);
  }

 private:
  std::int32_t blocks_;
};

TEST(CudaSpreadBeams, AnyNumberOfBlocksGivesTheSameBits) {
  const auto device = make_cuda_backend(0);
  for (const std::int32_t blocks : {1, 2, 4, 8}) {
    SCOPED_TRACE(testing::Message() << blocks << " blocks to a row");
    SpreadBackend spread(*device, blocks);
    run_spread_beams(spread);
  }
}

TEST(CudaRecordedBeams, BothFormsOfTheLoopFindWhatSingleStepsFind) {
  const auto device = make_cuda_backend(0);
  const auto stream = static_cast<cudaStream_t>(cuda_stream(*device));
  const cuda::CudaExecutor executor(cuda::describe_device(0), stream);
  for (const LoopForm form : {LoopForm::kConditional, LoopForm::kUnrolled}) {
    SCOPED_TRACE(form == LoopForm::kConditional ? "conditional" : "unrolled");
    run_recorded_beams(*device, [&](const std::function<void()>& step, const BeamLoop& loop) {
      return cuda::record_beams({0, stream, executor}, step, loop, form);
    });
  }
  run_recorded_beams(*device, [&](const std::function<void()>& step, const BeamLoop& loop) {
    return device->record_beams(step, loop);
  });
}

}  // namespace
}  // namespace fllm::test
