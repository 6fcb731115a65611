// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/backend/backend.h"
#include "tests/support/sample_suite.h"

// Steps in which a device drafts by itself, without the models: what comes of each draft that was drawn, and of what was accepted.
// Everything is equal to the bit, the memory around the arrays included.
namespace fllm::test {

/// Rows of all kinds through more steps than the ring has slots, the state looked at after each draft.
void run_draft_loop_steps(Backend& backend, SuiteSize size);
/// Arguments that make no sense are refused by name.
void run_draft_loop_refusals(Backend& backend);

}  // namespace fllm::test
