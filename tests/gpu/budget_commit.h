// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/backend/backend.h"

namespace fllm {

/// Steps of 128 rows, first without and then with states of an automaton: a launch each, announced as "kernel, name|rows".
void run_commit_steps(Backend& backend);

}  // namespace fllm
