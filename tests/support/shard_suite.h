// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/support/sample_suite.h"

// Sampling over ranks, on any backend: every rank's token and the status are those of the whole row, by the oracle.
namespace fllm::test {

/// Rows of mixed shapes, parameters and edits over 1 to 8 ranks, with short lists, long ones and none.
void run_sharded_rows(Backend& backend, SuiteSize size);
/// Every combination of filters on every shape.
void run_sharded_filters(Backend& backend, SuiteSize size);
/// Rows are done after as many exchanges as docs/sampling.md says, and with one less they say that they are not.
void run_sharded_exchanges(Backend& backend);
/// Lists that are full, of the first rank or of the last: all that is kept is one rank's.
void run_sharded_full_lists(Backend& backend);
/// Histories, positions and counts move on with the token, whether it is known before the last step or drawn in it.
void run_sharded_advance(Backend& backend);
/// Arguments that make no sense are refused by name.
void run_sharded_refusals(Backend& backend);

}  // namespace fllm::test
