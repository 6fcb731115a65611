// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/cuda_beam_loop.h"

#include <string>
#include <utility>

#include "cuda/backend/graph_replay.h"
#include "cuda/kernels/beam_loop.h"
#include "cuda/runtime/check.h"
#include "fundamentallm/result.h"

namespace fllm::cuda {
namespace {

std::unique_ptr<RecordedWork> record_looping(const LoopPlace& place, const std::function<void()>& step,
                                             const BeamLoop& loop) {
  DeviceBuffer steps(sizeof(std::int32_t));
  check(cudaMemsetAsync(steps.data(), 0, sizeof(std::int32_t), place.stream), "clearing a counter");
  LoopCapture capture(place.stream);
  step();
  const BeamLoopParams params{loop.searches, loop.search_count, loop.max_steps,
                              static_cast<std::int32_t*>(steps.data()), capture.condition()};
  place.executor.launch<BeamLoopStep>(BeamLoopStep::shape(params), params);
  return std::make_unique<GraphReplay>(place.device, place.stream, capture.end(), 1, std::move(steps));
}

std::unique_ptr<RecordedWork> record_unrolled(const LoopPlace& place, const std::function<void()>& step,
                                              const BeamLoop& loop) {
  const std::int32_t launches = loop.max_steps / unrolled_steps(loop.max_steps);
  StreamCapture capture(place.stream);
  for (std::int32_t i = 0; i < unrolled_steps(loop.max_steps); ++i) step();
  return std::make_unique<GraphReplay>(place.device, place.stream, capture.end(), launches);
}

}  // namespace

std::unique_ptr<RecordedWork> record_beams(const LoopPlace& place, const std::function<void()>& step,
                                           const BeamLoop& loop, LoopForm form) {
  if (loop.max_steps < 1) {
    throw Exception(ErrorCode::kInvalidArgument,
                    "record_beams: max_steps is " + std::to_string(loop.max_steps) + "; allowed: >= 1");
  }
  const UseDevice scope(place.device);
  if (form == LoopForm::kUnrolled) return record_unrolled(place, step, loop);
  return record_looping(place, step, loop);
}

LoopForm available_loop_form() {
  int driver = 0, runtime = 0;
  check(cudaDriverGetVersion(&driver), "asking for the driver's version");
  check(cudaRuntimeGetVersion(&runtime), "asking for the runtime's version");
  return choose_loop_form(driver, runtime);
}

}  // namespace fllm::cuda
