// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/backend/backend.h"

namespace fllm {

/// What comes of 4 drafts of each of 32 rows with histories of 256 ids and states, two launches: the second draft is drawn; all are
/// accepted. Announced on stdout as "ExtendDrafts, name|rows" and so on.
void run_draft_loop(Backend& backend);

}  // namespace fllm
