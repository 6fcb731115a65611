// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/support/sample_suite.h"

// The further filters' tests as functions of a backend, like those of sample_suite.h.
namespace fllm::test {

/// Every filter alone and in mixtures, on every shape, with and without other parameters, state carried on.
void run_filtered_rows(Backend& backend, SuiteSize size);
/// typical-p and XTC on rows of few distinct logits, where ties are cut; goals reached exactly.
void run_filter_ties(Backend& backend, SuiteSize size);
/// typical-p's share reached by a part of the equally far ids on one side of the mean, by all of them, and on the other side.
void run_typical_ties(Backend& backend);
/// XTC's probability as close to its random bits as it can be, on either side.
void run_exact_coins(Backend& backend);
/// Histories exactly as long as an n-gram; mirostat's bound just above a mass.
void run_filter_edges(Backend& backend);
/// Histories made of repeats, of ids far apart, longer than a block.
void run_sequence_edits(Backend& backend, SuiteSize size);
/// Vocabularies up to 2^20.
void run_filtered_large_rows(Backend& backend, SuiteSize size);
/// A row's outputs depend on nothing but its own inputs.
void run_filtered_invariance(Backend& backend);
/// Tables that are not there, slots behind the last one, and launches that do not advance.
void run_filter_tables(Backend& backend);
/// Many steps of the same launch, as of run_advancing_steps: histories and mirostat's state carried on, full slots too.
void run_filtered_steps(Backend& backend, const std::function<void(LogitType, const SampleParams&)>& launch);
/// Tables that cannot be right, as far as the host sees.
void run_filter_refusals(Backend& backend);

}  // namespace fllm::test
