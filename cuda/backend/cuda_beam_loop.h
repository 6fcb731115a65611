// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "cuda/backend/backend.h"
#include "cuda/backend/cuda_executor.h"
#include "cuda/backend/loop_form.h"

namespace fllm::cuda {

/// Where recorded work runs, and what launches kernels there.
struct LoopPlace {
  std::int32_t device;
  cudaStream_t stream;
  const CudaExecutor& executor;  // of this stream
};

/// A whole beam search as recorded work: what step enqueues on the stream, until all searches are over.
[[nodiscard]] std::unique_ptr<RecordedWork> record_beams(const LoopPlace& place, const std::function<void()>& step,
                                                         const BeamLoop& loop, LoopForm form);

/// The form that this machine's driver and runtime have.
[[nodiscard]] LoopForm available_loop_form();

}  // namespace fllm::cuda
