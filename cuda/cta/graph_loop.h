// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/cta/device_cta.h"

namespace fllm {

/// Says whether the loop of a graph in which this kernel runs has another turn. One thread. Only nvcc reads this file: no other
/// context has such loops.
FLLM_DEVICE void repeat_loop(const DeviceCta&, unsigned long long condition, bool again) {
  cudaGraphSetConditional(condition, again ? 1 : 0);
}

}  // namespace fllm
