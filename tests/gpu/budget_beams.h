// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/backend/backend.h"

namespace fllm {

/// Steps of a search of 8 beams, early and late: three launches each, announced as "kernel, name|logits".
void run_beam_steps(Backend& backend, std::int32_t vocab);

}  // namespace fllm
