// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/backend/backend.h"

// Appending to histories, on any backend. Everything is equal to the bit, the memory around the table included.
namespace fllm::test {

/// One token a row, step after step.
void run_history_steps(Backend& backend);
/// Prompts and outputs of many lengths, slots in any order, ids and slots that are none.
void run_history_ranges(Backend& backend);
/// Tables that fill up, counts at their largest, sizes that are none.
void run_history_limits(Backend& backend);
/// Arguments that make no sense are refused by name.
void run_history_refusals(Backend& backend);

}  // namespace fllm::test
