// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/backend/backend.h"

namespace fllm {

/// Verification of a sequence of 4 drafts, three launches a case (the draft's rows are drawn in the first), announced as
/// "kernel, name|logits of the rows it reads or would read".
void run_draft_verification(Backend& backend, std::int32_t vocab);

}  // namespace fllm
