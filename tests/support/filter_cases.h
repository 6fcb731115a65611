// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "tests/support/sample_cases.h"

namespace fllm::test {

/// A history of at most `capacity` tokens and a row's edits by it: repeats of few ids, most of them likely ones.
void add_random_sequence(FilterCase& row, std::span<const float> logits, std::int32_t capacity, Random& random);
/// top-n-sigma, typical-p, XTC and mirostat, each in a third of the rows.
void add_random_filters(FilterCase& row, Random& random);
/// A launch like mixed_batch's, with further filters in most rows. The layout has them.
[[nodiscard]] SampleBatch filtered_batch(const BatchLayout& layout, std::int32_t rows, Random& random);

}  // namespace fllm::test
