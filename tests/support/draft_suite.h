// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/backend/backend.h"
#include "tests/support/sample_suite.h"

// Verification of drafts, on any backend: the sampler's launch over all logit rows, then the one that resolves drafts.
namespace fllm::test {

/// Sequences of every number of drafts, filters and edits that differ by position, random bits at the ends of what is
/// accepted and of what is drawn.
void run_drafted_rows(Backend& backend, SuiteSize size);
/// The same random bits as the streams give.
void run_draft_streams(Backend& backend, SuiteSize size);
/// Rows of the target and the draft that have little to do with each other: disjoint supports, one id, none, NaN, infinities.
void run_draft_edges(Backend& backend);
/// Drafts outside the vocabulary, rows without any, counts beyond the rows there are.
void run_hostile_drafts(Backend& backend);
/// Vocabularies whose two rows do not fit the memory of a block, and 128,256 ids.
void run_large_drafts(Backend& backend, SuiteSize size);
/// What SampleRow writes of its rows: types of 16 bits too.
void run_row_supports(Backend& backend, SuiteSize size);
/// Arguments that make no sense are refused by name.
void run_draft_refusals(Backend& backend);
/// Every sequence of 4 tokens over 6 ids: the law by which the kernel accepts and draws, taken to its last unit of random
/// bits, gives each its probability in the target's distribution, as an exact fraction.
void run_draft_enumeration(Backend& backend);
/// Frequencies of whole sequences, of the numbers of accepted drafts too.
void run_draft_distribution(Backend& backend, SuiteSize size);

}  // namespace fllm::test
