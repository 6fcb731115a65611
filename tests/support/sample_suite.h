// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "cuda/backend/backend.h"

// The sampler's tests as functions of a backend, so that every context runs the same ones. Each reports through
// GoogleTest and stops at the first row that differs.
namespace fllm::test {

enum class SuiteSize {
  kFew,   // a third of the next: blocks of many fibers, which take several times as long and the same ways
  kFast,  // a few hundred short rows: contexts that execute a thousand times slower
  kFull,
};

/// Every combination of filters on every shape.
void run_filter_grid(Backend& backend, SuiteSize size);
/// Rows of mixed shapes, parameters and edits: every type, alignment, stride and set of outputs.
void run_mixed_rows(Backend& backend, SuiteSize size);
/// top-p as close to a prefix's share as its 32 bits allow, on either side.
void run_exact_top_p(Backend& backend);
/// Penalties and biases on every id of rows without filters, where the last bit of a logit shows in the masses.
void run_edited_rows(Backend& backend, SuiteSize size);
/// Zeros tie whatever their sign and wherever it came from.
void run_signed_zeros(Backend& backend);
/// Several +inf in a row, the first of them allowed or not.
void run_infinities(Backend& backend);
/// Vocabularies up to 2^20.
void run_large_rows(Backend& backend, SuiteSize size);
/// Rows without mass at regularly placed ids, which tell nothing of the others: top-p keeps most of what they do not show.
void run_gapped_rows(Backend& backend);
/// Every kept id is drawn by the first and last random bits that select it.
void run_interval_ends(Backend& backend, SuiteSize size);
/// Streams of random bits come from seed and counter alone.
void run_random_bits(Backend& backend, SuiteSize size);
/// A row's outputs depend on nothing but its own inputs: not on its place, its neighbours or their parameters.
void run_row_invariance(Backend& backend, SuiteSize size);
/// Parameters as arrays, sensible and not, with device histories.
void run_parameter_arrays(Backend& backend, SuiteSize size);
/// A launch that changes what the next one reads: many steps with the same arguments, each drawing what the state asks for.
/// launch: enqueues it; the arguments of all calls are equal. top_k: of every row; 0: off.
void run_advancing_steps(Backend& backend, const std::function<void(LogitType, const SampleParams&)>& launch,
                         std::int32_t top_k = 0);
/// Frequencies of drawn ids against the oracle's exact probabilities.
void run_distribution(Backend& backend, SuiteSize size);

}  // namespace fllm::test
