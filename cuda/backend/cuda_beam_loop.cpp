// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/cuda_beam_loop.h"

#include <string>
#include <utility>

#include "cuda/kernels/beam_loop.h"
#include "cuda/runtime/check.h"
#include "cuda/runtime/device_buffer.h"
#include "cuda/runtime/device_info.h"
#include "cuda/runtime/graph.h"
#include "fundamentallm/result.h"

namespace fllm::cuda {
namespace {

class LoopingGraph final : public RecordedWork {
 public:
  LoopingGraph(const LoopPlace& place, const std::function<void()>& step, const BeamLoop& loop)
      : device_(place.device), stream_(place.stream), steps_(sizeof(std::int32_t)) {
    check(cudaMemsetAsync(steps_.data(), 0, sizeof(std::int32_t), place.stream), "clearing a counter");
    LoopCapture capture(place.stream);
    step();
    const BeamLoopParams params{loop.searches, loop.search_count, loop.max_steps,
                                static_cast<std::int32_t*>(steps_.data()), capture.condition()};
    place.executor.launch<BeamLoopStep>(BeamLoopStep::shape(params), params);
    graph_ = capture.end();
  }
  void replay() override {
    const UseDevice scope(device_);
    graph_.launch(stream_);
  }

 private:
  std::int32_t device_;
  cudaStream_t stream_;
  DeviceBuffer steps_;
  Graph graph_;
};

class UnrolledGraph final : public RecordedWork {
 public:
  UnrolledGraph(const LoopPlace& place, const std::function<void()>& step, const BeamLoop& loop)
      : device_(place.device), stream_(place.stream), launches_(loop.max_steps / unrolled_steps(loop.max_steps)) {
    StreamCapture capture(place.stream);
    for (std::int32_t i = 0; i < unrolled_steps(loop.max_steps); ++i) step();
    graph_ = capture.end();
  }
  void replay() override {
    const UseDevice scope(device_);
    for (std::int32_t i = 0; i < launches_; ++i) graph_.launch(stream_);
  }

 private:
  std::int32_t device_;
  cudaStream_t stream_;
  std::int32_t launches_;
  Graph graph_;
};

}  // namespace

std::unique_ptr<RecordedWork> record_beams(const LoopPlace& place, const std::function<void()>& step,
                                           const BeamLoop& loop, LoopForm form) {
  if (loop.max_steps < 1) {
    throw Exception(ErrorCode::kInvalidArgument,
                    "record_beams: max_steps is " + std::to_string(loop.max_steps) + "; allowed: >= 1");
  }
  const UseDevice scope(place.device);
  if (form == LoopForm::kUnrolled) return std::make_unique<UnrolledGraph>(place, step, loop);
  return std::make_unique<LoopingGraph>(place, step, loop);
}

LoopForm available_loop_form() {
  int driver = 0, runtime = 0;
  check(cudaDriverGetVersion(&driver), "asking for the driver's version");
  check(cudaRuntimeGetVersion(&runtime), "asking for the runtime's version");
  return choose_loop_form(driver, runtime);
}

}  // namespace fllm::cuda
