// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/backend/backend.h"

// Taking over drawn tokens, on any backend. Everything is equal to the bit, the memory around the arrays included.
namespace fllm::test {

/// Rows of all kinds through more steps than the ring has slots, the state looked at after each.
void run_commit_steps(Backend& backend);
/// Arguments that make no sense are refused by name.
void run_commit_refusals(Backend& backend);

}  // namespace fllm::test
